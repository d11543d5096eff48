// In place of satellite.js's WebAssembly, which the server's Content-Security-Policy would not let run: we use its
// plain code.
export default undefined;
