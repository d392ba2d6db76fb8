import ModelFiles
import TestSupport
import Testing

/// Files changed at random: whatever comes out, it is a file or an error, never a trap.
@Suite("Mutated files")
struct MutatedFileTests {
  /// Numbers that follow from a seed (SplitMix64), so that a failure can be seen again.
  struct Numbers: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  /// Values at which sizes and counts go wrong.
  static let edges: [UInt64] = [
    0, 1, 2, 4, 7, 8, 31, 32, 63, 0x7F, 0xFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF,
    1 << 32, 1 << 40, 1 << 61, 1 << 62, 1 << 63 - 1, 1 << 63, .max - 31, .max - 7, .max,
  ]

  /// `bytes` with one to four changes among the first `head`.
  static func mutated(_ bytes: [UInt8], head: Int, _ numbers: inout Numbers) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &numbers) {
      let place = Int.random(in: 0..<min(head, bytes.count), using: &numbers)
      switch Int.random(in: 0..<6, using: &numbers) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &numbers)
      case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
      case 2, 3:
        let width = [1, 2, 4, 8].randomElement(using: &numbers) ?? 8
        let value = edges.randomElement(using: &numbers) ?? 0
        for (offset, byte) in FileBytes.little(value).prefix(width).enumerated()
        where place + offset < bytes.count {
          bytes[place + offset] = byte
        }
      case 4: bytes.removeSubrange(place..<min(place + 9, bytes.count))
      default: bytes.insert(contentsOf: bytes[place..<min(place + 9, bytes.count)], at: place)
      }
      if bytes.isEmpty { bytes = [0] }
    }
    return bytes
  }

  /// Reads everything a GGUF file offers.
  static func readAll(_ file: GGUFFile) -> Int {
    var sum = 0
    for key in file.keys {
      let array = file.value(key)?.arrayValue
      sum &+= (array?.strings?.count ?? 0) + (array?.integers?.count ?? 0)
      sum &+= array?.floats?.count ?? 0
    }
    for tensor in file.tensors where tensor.byteCount > 0 {
      sum &+= Int(file.file.bytes[tensor.byteOffset])
      sum &+= Int(file.file.bytes[tensor.byteOffset + tensor.byteCount - 1])
    }
    return sum
  }

  @Test(
    "a mutated GGUF file is read or refused", arguments: [("values.gguf", 1), ("tiny.gguf", 2)])
  func ggufIsReadOrRefused(_ name: String, _ seed: UInt64) throws {
    let original = try Fixture.bytes("modelfiles/\(name)")
    let head = try GGUFFile(MappedFile(copying: original, path: name)).dataOffset
    var numbers = Numbers(state: seed)
    var refused = 0
    for _ in 0..<6_000 {
      let bytes = Self.mutated(original, head: head, &numbers)
      do throws(ModelFileError) {
        _ = Self.readAll(try GGUFFile(MappedFile(copying: bytes, path: "x")))
      } catch {
        #expect(!error.description.isEmpty)
        refused += 1
      }
    }
    // Most changes fall on something that matters; a reader that refuses nothing checks nothing.
    #expect(refused > 1_000)
  }

  @Test("a mutated safetensors file is read or refused")
  func safetensorsIsReadOrRefused() throws {
    let original = try Fixture.bytes("modelfiles/types.safetensors")
    let head = try SafetensorsFile(MappedFile(copying: original, path: "x")).dataOffset
    var numbers = Numbers(state: 3)
    var refused = 0
    for _ in 0..<8_000 {
      let bytes = Self.mutated(original, head: head, &numbers)
      do throws(ModelFileError) {
        let file = try SafetensorsFile(MappedFile(copying: bytes, path: "x"))
        for tensor in file.tensors where tensor.byteCount > 0 {
          _ = file.file.bytes[tensor.byteOffset + tensor.byteCount - 1]
        }
      } catch {
        #expect(!error.description.isEmpty)
        refused += 1
      }
    }
    #expect(refused > 4_000)
  }
}
