// The map itself: MapLibre with deck.gl in its canvas. Told what to draw; tells where somebody clicked or moved.
//
// Cells lie among the map's own layers. Satellites and links move ten times a second and lie above all of it: they have a
// canvas of their own, so that neither map nor cells are drawn again for them.

import type { Layer } from "@deck.gl/core";
import { MapLibreOverlay } from "@deck.gl/maplibre";
import { Map as MapLibreMap, NavigationControl, setWorkerUrl, type GeoJSONSource } from "maplibre-gl";
import worker from "maplibre-gl/dist/maplibre-gl-worker.mjs?raw";
import type { Plan } from "../data/plan";
import type { Scene } from "../data/scene";
import { moverOf, placesOf } from "../orbits/motion";
import { byVertex, shapesOf } from "./cells";
import type { PointOfView } from "./contested";
import { coloursOf, type Colouring } from "./colours";
import { cellLayer, linkLayer, satelliteLayer } from "./layers";
import { eyeHeightKm, eyeOver, linkEnds, seenFrom } from "./sky";
import { GROUND_LAYERS, HATCH, PALETTES, bordersSeen, hatch, placeAt, styleOf } from "./style";

export type Shade = "light" | "dark";
export interface Looks {
  shade: Shade;
  globe: boolean;
  satellites: boolean;
  isl: boolean;
  ground: boolean;
  pov: PointOfView;
}
export interface View {
  map: MapLibreMap;
  /** Cells of a plan, or none. */
  cells(plan: Plan | null, colouring: Colouring, of: number): void;
  /** Satellites and links as they are at an instant. */
  sky(atMs: number): void;
  looks(looks: Looks): void;
  place(place: [number, number] | null): void;
  /** What a part of the page draws above the cells, by its name, on the globe or flat; null: taken off. */
  over(name: string, make: ((globe: boolean) => Layer[]) | null): void;
  /** Clicks and Enter go there instead of asking about a place; null: as before. */
  take(clicked: ((place: [number, number]) => void) | null): void;
}

interface Camera {
  lng: number;
  lat: number;
  zoom: number;
}

export function viewOf(
  container: HTMLElement,
  scene: Scene,
  cellNames: string[],
  first: Looks,
  camera: Camera,
  asked: (place: [number, number]) => void,
): View {
  // From its own text: a page opened from a file has no address from which a worker may be started.
  setWorkerUrl(URL.createObjectURL(new Blob([worker], { type: "text/javascript" })));
  let looks = first;
  const map = new MapLibreMap({
    container,
    style: styleOf(scene, PALETTES[looks.shade], looks.globe, looks.pov),
    center: [camera.lng, camera.lat],
    zoom: camera.zoom,
    maxZoom: 9,
    maxPitch: 0,
    dragRotate: false,
    attributionControl: { compact: true },
    validateStyle: false,
  });
  // MapLibre takes no notice of the first change of its box, as when the panel beside it is filled.
  let high = container.clientHeight;
  new ResizeObserver(() => {
    high = container.clientHeight;
    map.resize();
  }).observe(container);
  map.touchZoomRotate.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  // Its words are one click away; opened, they would hide a quarter of a small map.
  map.once("load", () => container.querySelector(".maplibregl-compact-show")?.classList.remove("maplibregl-compact-show"));
  let taken: ((place: [number, number]) => void) | null = null;
  const clicked = (place: [number, number]) => (taken ?? asked)(place);
  map.on("click", ({ lngLat }) => clicked([lngLat.wrap().lng, lngLat.lat]));
  map.getCanvas().addEventListener("keydown", ({ key }) => {
    if (key === "Enter") clicked([map.getCenter().wrap().lng, map.getCenter().lat]);
  });
  const overlay = new MapLibreOverlay({ interleaved: true, layers: [] });
  map.addControl(overlay as never);
  // Nothing on it is for keys or pointers: what is asked, the map itself is asked.
  const above = new MapLibreOverlay({ interleaved: false, layers: [], onLoad: () => (above.getCanvas()!.inert = true) });
  map.addControl(above as never);

  const shapes = shapesOf(cellNames);
  const count = scene.satellites.name.length;
  const move = moverOf(scene.satellites);
  const km = new Float64Array(3 * count);
  const pairs = Int32Array.from(scene.isl);
  const places = new Float32Array(3 * count);
  const seen = new Uint8Array(count);
  const [from, to] = [new Float32Array(1.5 * pairs.length), new Float32Array(1.5 * pairs.length)];
  let ground: Layer[] = [];
  let coloured: Uint8Array | null = null;
  let marked: [number, number] | null = null;
  const over = new Map<string, { make: (globe: boolean) => Layer[]; layers: Layer[] }>();
  const draw = () => overlay.setProps({ layers: [...ground, ...[...over.values()].flatMap(({ layers }) => layers)] });

  const dress = () => {
    map.addImage(HATCH, hatch(looks.shade));
    for (const id of GROUND_LAYERS) map.setLayoutProperty(id, "visibility", looks.ground ? "visible" : "none");
    void map.getSource<GeoJSONSource>("place")?.setData(placeAt(marked));
  };
  map.once("style.load", dress);

  const paint = () => {
    ground = coloured ? [cellLayer(shapes, coloured, looks.globe)] : [];
  };
  return {
    map,
    cells(plan, colouring, of) {
      const vertices = shapes.startIndices[shapes.length]!;
      coloured = plan && byVertex(coloursOf(plan, colouring, of), shapes, new Uint8Array(4 * vertices));
      paint();
      draw();
    },
    sky(atMs) {
      const sky: Layer[] = [];
      if (looks.satellites || looks.isl) {
        const { lng, lat } = map.getCenter();
        move(atMs, km);
        const shown = looks.globe ? seenFrom(km, eyeOver(lng, lat, eyeHeightKm(map.getZoom(), lat, high)), seen) : undefined;
        placesOf(km, places, !looks.globe, shown);
        if (looks.isl && pairs.length > 0) sky.push(linkLayer(from, to, linkEnds(pairs, places, from, to, !looks.globe), PALETTES[looks.shade]));
        if (looks.satellites) sky.push(satelliteLayer(places, PALETTES[looks.shade]));
      }
      above.setProps({ layers: sky });
    },
    looks(next) {
      const before = looks;
      looks = next;
      if (next.shade !== before.shade) {
        map.once("style.load", dress);
        map.setStyle(styleOf(scene, PALETTES[next.shade], next.globe, next.pov), { diff: false });
      } else if (map.getLayer("sea")) {
        map.setProjection({ type: next.globe ? "globe" : "mercator" });
        for (const id of GROUND_LAYERS) map.setLayoutProperty(id, "visibility", next.ground ? "visible" : "none");
        if (next.pov !== before.pov) {
          for (const [id, data] of Object.entries(bordersSeen(scene.borders, next.pov))) void map.getSource<GeoJSONSource>(id)?.setData(data);
        }
      }
      if (next.globe !== before.globe) for (const [name, { make }] of over) over.set(name, { make, layers: make(next.globe) });
      paint();
      draw();
    },
    place(place) {
      marked = place;
      void map.getSource<GeoJSONSource>("place")?.setData(placeAt(place));
    },
    over(name, make) {
      if (make) over.set(name, { make, layers: make(looks.globe) });
      else over.delete(name);
      draw();
    },
    take(next) {
      taken = next;
    },
  };
}
