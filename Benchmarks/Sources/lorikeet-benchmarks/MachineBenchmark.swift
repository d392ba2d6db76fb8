import CFMAPeak
import Kernels
import Quantization
import Serialization

/// What the machine could do at most, and what the library's products reach of it.
struct MachineBenchmark {
  /// Rows of activations, as many as the training loop runs at once.
  private static let tokens = 1_024
  /// Output and input features of SmolLM2-135M's layers, the tied head last.
  private static let shapes = [(576, 576), (1_536, 576), (576, 1_536), (49_152, 576)]

  func run() -> JSONObject {
    var json = JSONObject()
    json["cpu"] = .string(Processor.modelName ?? "unknown")
    json["features"] = .array(Processor.features.map { .string($0) })
    json["kernels"] = .string(KernelPath.active.description)
    json["threads"] = .integer(Parallel.threads)
    json["fma_vector_bits"] = .integer(Int(lk_peak_vector_bits()))
    json["fma_gflops_one_core"] = .number(multiplyAddPeak(threads: 1))
    json["fma_gflops_all_cores"] = .number(multiplyAddPeak(threads: Parallel.threads))
    json["memory_bandwidth_gigabytes_per_second"] = .number(memoryBandwidth())
    json["products"] = .array(Self.shapes.flatMap(productRates))
    return json
  }

  /// GFLOP/s of multiply-adds on registers, the best of ten runs: a peak is what nothing disturbs.
  private func multiplyAddPeak(threads: Int) -> Double {
    let iterations: Int64 = 200_000
    // Many short tasks, so that a thread that wakes late costs little.
    let tasks = threads * 64
    let flop = Double(lk_peak_flop_per_iteration() * iterations) * Double(tasks)
    let sums = FloatBuffer(count: tasks)
    var best = Double.infinity
    for _ in 0..<10 {
      let seconds = Self.seconds {
        if threads == 1 {
          for task in 0..<tasks { sums.base[task] = lk_peak_run(iterations, 0.999, 0.5) }
        } else {
          Parallel.run(tasks) { task, _ in
            sums.base[task] = lk_peak_run(iterations, 0.999, 0.5)
          }
        }
      }
      best = min(best, seconds)
    }
    precondition(sums.array.allSatisfy(\.isFinite), "the sums converge")
    return flop / best * 1e-9
  }

  /// GB/s that all threads together read from memory, the best of five runs over half a gigabyte.
  private func memoryBandwidth() -> Double {
    let count = 1 << 27
    let buffer = FloatBuffer(count: count)
    // Pages that were never written are all the same one, which stays in the cache.
    buffer.base.update(repeating: 0, count: count)
    let block = 1 << 16
    let sums = FloatBuffer(count: count / block)
    var best = Double.infinity
    for _ in 0..<5 {
      let seconds = Self.seconds {
        Parallel.run(count / block) { task, _ in
          let lanes = UnsafeRawPointer(buffer.base + task * block).assumingMemoryBound(
            to: SIMD16<Float>.self)
          var (a, b, c, d) = (
            SIMD16<Float>.zero, SIMD16<Float>.zero, SIMD16<Float>.zero, SIMD16<Float>.zero
          )
          for index in stride(from: 0, to: block / 16, by: 4) {
            a += lanes[index]
            b += lanes[index + 1]
            c += lanes[index + 2]
            d += lanes[index + 3]
          }
          sums.base[task] = (a + b + c + d).sum()
        }
      }
      best = min(best, seconds)
    }
    precondition(sums.array.allSatisfy { $0 == 0 }, "the buffer is zeroed")
    return Double(count * 4) / best * 1e-9
  }

  /// GFLOP/s of both products at one shape, with the weights in f32 and in NF4.
  private func productRates(_ shape: (rows: Int, columns: Int)) -> [JSONValue] {
    let (rows, columns) = shape
    let random = CounterRandom(seed: 1, purpose: "benchmark weights")
    let values = FloatBuffer(count: rows * columns)
    for index in 0..<values.count {
      values.base[index] = Float(random.integer(below: 2_001, UInt64(index)) - 1_000) * 2e-5
    }
    let plain = WeightMatrix(
      rows: rows, columns: columns, type: .f32, base: UnsafeRawPointer(values.base), owner: values)
    let quantized = WeightMatrix(
      NF4Matrix.quantizing(rows: rows, columns: columns) { range, slab in
        slab.update(
          from: values.base + range.lowerBound * columns, count: range.count * columns)
      })
    return [plain, quantized].map { weight in
      let rate = ProductRate.measure(weight, tokens: Self.tokens)
      return .object([
        "weights": .string(weight.precision), "outputs": .integer(rows),
        "inputs": .integer(columns), "tokens": .integer(Self.tokens),
        "forward_gflops": .number(rate.forward), "backward_gflops": .number(rate.backward),
      ])
    }
  }

  private static func seconds(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    let began = clock.now
    body()
    return (clock.now - began) / .seconds(1)
  }
}
