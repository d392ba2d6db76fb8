import Kernels
import TestSupport
import Testing

@Suite("Matrix and FloatBuffer") struct MatrixTests {
  @Test("a buffer begins as zeros on a cache line", arguments: [0, 1, 17, 1_000])
  func buffer(_ count: Int) {
    let buffer = FloatBuffer(count: count)
    #expect(buffer.array == [Float](repeating: 0, count: count))
    #expect(Int(bitPattern: buffer.base) % 64 == 0)
  }

  @Test("views of rows and columns show the same memory")
  func views() {
    let buffer = FloatBuffer((0..<12).map { Float($0) })
    let matrix = buffer.matrix(rows: 3, columns: 4)
    let part = matrix.rows(1..<3).columns(1..<3)
    #expect((part.rows, part.columns, part.stride) == (2, 2, 4))
    #expect([part.row(0)[0], part.row(0)[1], part.row(1)[0], part.row(1)[1]] == [5, 6, 9, 10])
    part.fill(-1)
    #expect(buffer.array == [0, 1, 2, 3, 4, -1, -1, 7, 8, -1, -1, 11])
  }
}
