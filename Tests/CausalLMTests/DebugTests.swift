import CausalLM
import LoRA
import ModelFiles
import Kernels
import Quantization
import TestSupport
import Testing
@Test func debugNF4() throws {
    let file = try ModelFile.open(Fixture.path("models/tiny-tied"))
    let model = try CausalLM.load(file, precision: .nf4(doubleQuantized: true))
    for l in model.adaptableLayers {
      let v = file.tensor(named: l.name + ".weight")!.values()
      var out = [Float](repeating: 0, count: v.count)
      out.withUnsafeMutableBufferPointer { model.weight(named: l.name)!.read(0..<l.outputs, into: $0.baseAddress!) }
      print("deq err", l.name, l.outputs, l.inputs, relativeError(out, v))
    }
}
@Test func debugNF42() throws {
    let file = try ModelFile.open(Fixture.path("models/tiny-tied"))
    let t = file.tensor(named: "model.layers.0.self_attn.q_proj.weight")!
    let m = NF4Matrix.quantizing(rows: 64, columns: 64) { r, p in t.dequantize(rows: r, into: p) }
    print("deq", m.offset, m.absmaxCodes.prefix(8), m.packedCodes.prefix(4), (0..<4).map { m.absmax(ofBlock: $0) })
}
