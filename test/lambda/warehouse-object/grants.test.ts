import { grantStatements } from '../../../lambda/warehouse-object/public-view';

const row = (privilege_type: string, identity_name: string, identity_type = 'user', admin_option = false) => ({
  privilege_type,
  identity_name,
  identity_type,
  admin_option,
});

test('users, groups, roles and the public get what they had', () => {
  expect(
    grantStatements('shop.sold', [
      row('SELECT', 'Ann "A"', 'user'),
      row('SELECT', 'boss', 'user', true),
      row('SELECT', 'analysts', 'group'),
      row('DROP', 'etl', 'role'),
      row('SELECT', 'sys:viewer', 'role'),
      row('SELECT', 'public', 'public'),
    ]),
  ).toEqual([
    'grant select on shop.sold to "Ann ""A""", "boss" with grant option, group "analysts", role "sys:viewer", public',
    'grant drop on shop.sold to role "etl"',
  ]);
});

test('what is not known is not passed over', () => {
  expect(() => grantStatements('shop.sold', [row('TRIGGER', 'ann')])).toThrow(
    'view shop.sold has a grant of trigger, which is none of select, insert, update, delete, drop, references, alter, truncate',
  );
  expect(() => grantStatements('shop.sold', [row('SELECT', 'x', 'namespace')])).toThrow(
    'view shop.sold has a grant to x, a namespace: expected a user, group, role or public',
  );
});
