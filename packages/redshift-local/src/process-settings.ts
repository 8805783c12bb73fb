// The SDK warns at every start that it will drop Node 20. `engines` in package.json states which versions this package
// supports.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
// The warehouse occupies threads of the pool, and file access needs some too.
process.env['UV_THREADPOOL_SIZE'] ??= '8';
