// Runs an exported model: node run-onnx.js MODEL.onnx <INPUTS.json >OUTPUTS.json
// INPUTS: {"name": {"type": "float32", "dims": [2, 3], "data": [numbers]}}; "cases": [INPUTS, ...] runs several. OUTPUTS have the same form.
const path = require('path');
const ort = require(path.join(__dirname, '../../artifacts/runtimes/node_modules/onnxruntime-node'));
const arrays = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array };

async function main() {
  const request = JSON.parse(require('fs').readFileSync(0, 'utf8'));
  const session = await ort.InferenceSession.create(process.argv[2], { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });
  const cases = [];
  for (const inputs of request.cases) {
    const feeds = {};
    for (const [name, t] of Object.entries(inputs)) feeds[name] = new ort.Tensor(t.type, arrays[t.type].from(t.data), t.dims);
    const outputs = await session.run(feeds);
    const shown = {};
    for (const [name, t] of Object.entries(outputs)) shown[name] = { type: t.type, dims: t.dims, data: Array.from(t.data) };
    cases.push(shown);
  }
  console.log(JSON.stringify({ inputs: session.inputNames, outputs: session.outputNames, cases }));
}

main().catch(error => { console.error(String(error && error.message || error)); process.exit(1); });
