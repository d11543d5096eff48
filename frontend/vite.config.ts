// Builds the page into the Python package. One script and one style sheet, nothing inline: the server's
// Content-Security-Policy allows neither inline scripts nor inline styles.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "./",
  resolve: { alias: [{ find: /^#wasm-.*$/, replacement: fileURLToPath(new URL("src/orbits/no-wasm.ts", import.meta.url)) }] },
  build: {
    outDir: "../src/openleo/console/built",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4000,
    rolldownOptions: { output: { codeSplitting: false } },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
