// The SDK announces on every start that it will drop Node 20 some day; engines in package.json says what is supported here.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
