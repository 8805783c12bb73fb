// Silences the SDK's warning at each start that it will drop Node 20. `engines` in package.json says what is supported.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
