#!/bin/sh
# Fetch D3's modules anew, with npm: each package's own minified ES module, with the names of the
# others turned into relative paths, so that a browser finds them without an import map.
set -eu
cd "$(dirname "$0")"
npm install --silent --no-save --prefix scratch d3-array@3.2.5 d3-axis@3.0.1 d3-color@3.1.1 \
    d3-dispatch@3.0.2 d3-drag@3.0.1 d3-format@3.1.3 d3-interpolate@3.0.2 d3-path@3.1.1 \
    d3-scale@4.0.3 d3-selection@3.0.1 d3-shape@3.2.1 d3-time@3.1.1 d3-time-format@4.1.1
rm -f LICENSE-d3 d3-*.js
for folder in scratch/node_modules/d3-*; do
    name=$(basename "$folder")
    sed -E "s/from ?\"(d3-[a-z-]+)\"/from\".\/\1.js\"/g" "$folder/dist/$name.min.mjs" > "$name.js"
    { echo "$name $(sed -n 's/.*"version": "\(.*\)",/\1/p' "$folder/package.json")"; echo
      cat "$folder/LICENSE"; echo; } >> LICENSE-d3
done
rm -r scratch
