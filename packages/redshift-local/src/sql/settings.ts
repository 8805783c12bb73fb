/** A session setting (https://docs.aws.amazon.com/redshift/latest/dg/cm_chap_ConfigurationRef.html). */
export interface Setting {
  readonly standard: string;
  /** The values that are accepted here. Others would change results. */
  readonly taken: 'any' | 'switch' | 'number' | readonly string[];
}

const off: Setting = { standard: 'off', taken: ['off'] };
const on: Setting = { standard: 'on', taken: ['on'] };

/** Settings that the local warehouse honours, that change no result, or that must keep their default. */
export const settings: Readonly<Record<string, Setting>> = {
  enable_case_sensitive_identifier: { standard: 'off', taken: 'switch' },
  search_path: { standard: '$user, public', taken: 'any' },
  statement_timeout: { standard: '0', taken: 'number' },
  timezone: { standard: 'UTC', taken: ['utc', 'gmt', 'etc/utc', 'etc/gmt'] },
  query_group: { standard: 'unset', taken: 'any' },
  application_name: { standard: '', taken: 'any' },
  enable_result_cache_for_session: { standard: 'on', taken: 'switch' },
  wlm_query_slot_count: { standard: '1', taken: 'number' },
  analyze_threshold_percent: { standard: '10', taken: 'number' },
  max_cursor_result_set_size: { standard: '0', taken: 'number' },
  mv_enable_aqmv_for_session: { standard: 'on', taken: 'switch' },
  client_encoding: { standard: 'UTF8', taken: ['utf8', 'unicode', 'utf-8'] },
  datestyle: { standard: 'ISO, MDY', taken: ['iso', 'iso, mdy'] },
  // Numbers always have all their digits.
  extra_float_digits: { standard: '0', taken: ['0', '1', '2', '3'] },
  enable_numeric_rounding: off,
  enable_case_sensitive_super_attribute: off,
  downcase_delimited_identifier: on,
  describe_field_name_in_uppercase: off,
  json_serialization_enable: off,
  json_parse_dedup_attributes: off,
  json_parse_truncate_strings: off,
  navigate_super_null_on_error: on,
  cast_super_null_on_error: on,
  parse_super_null_on_error: off,
  default_geometry_encoding: { standard: '1', taken: ['1'] },
  enable_vacuum_boost: off,
  spectrum_enable_pseudo_columns: { standard: 'true', taken: 'switch' },
  standard_conforming_strings: off,
  // True if the transactions of the session that follow cannot write. Redshift's JDBC driver sets it.
  readonly: { standard: 'off', taken: 'switch' },
  max_index_keys: { standard: '32', taken: [] },
  server_version: { standard: '8.0.2', taken: [] },
  server_encoding: { standard: 'UTF8', taken: [] },
  transaction_isolation: { standard: 'serializable', taken: [] },
};
