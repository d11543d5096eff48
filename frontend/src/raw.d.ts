declare module "maplibre-gl/dist/maplibre-gl-worker.mjs?raw" {
  const text: string;
  export default text;
}
