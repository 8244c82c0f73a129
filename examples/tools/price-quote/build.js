// Makes the component: src/tool.js and everything it imports, with a JavaScript engine around it.

import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { componentize } from "@bytecodealliance/componentize-js";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

const { component } = await componentize({
  sourcePath: path("src/tool.js"),
  witPath: path("wit"),
  worldName: "tool-component",
  // A tool has the imports of its world and no others, so none of these could work.
  disableFeatures: ["stdio", "random", "clocks", "http", "fetch-event"],
});
await mkdir(path("dist"), { recursive: true });
await writeFile(path("dist/tool.wasm"), component);
