// Runs exported models: node run-onnx.js <REQUEST.json >OUTPUTS.json
// REQUEST: {"runs": [{"model": "FILE.onnx", "inputs": {"name": {"type": "float32", "dims": [2, 3], "data": [numbers]}}}, ...]}
// OUTPUTS: one object of such tensors by name for each run.
const path = require('path');
const ort = require(path.join(__dirname, '../../artifacts/runtimes/node_modules/onnxruntime-node'));
const arrays = { float32: Float32Array, float64: Float64Array };
const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 };

async function main() {
  const request = JSON.parse(require('fs').readFileSync(0, 'utf8'));
  const shown = [];
  for (const { model, inputs } of request.runs) {
    const session = await ort.InferenceSession.create(model, options);
    const feeds = {};
    for (const [name, t] of Object.entries(inputs)) feeds[name] = new ort.Tensor(t.type, arrays[t.type].from(t.data), t.dims);
    const outputs = await session.run(feeds);
    shown.push(Object.fromEntries(
      Object.entries(outputs).map(([name, t]) => [name, { type: t.type, dims: t.dims, data: Array.from(t.data) }])));
  }
  console.log(JSON.stringify(shown));
}

main().catch(error => { console.error(String(error && error.message || error)); process.exit(1); });
