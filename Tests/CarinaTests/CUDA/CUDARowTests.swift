import Carina
import TestSupport
import Testing

@Suite("CUDA: rows", .enabled(if: CUDATestDevice.isPresent, Comment(rawValue: CUDATestDevice.reason)))
struct CUDARowTests {
  private let cpu = TestBackend.cpu
  private let card: CUDABackend

  init() throws { card = try CUDATwin.card.get() }

  @Test("rows are copied and added by number, one after the other and repeated ones")
  func rows() throws {
    let mixed = [5, 3, 11, 0, 7], sequence = [4, 5, 6, 7, 8], repeated = [3, 9, 3, 3, 9]
    for width in [1, 37, 264] {
      for source in CUDATwin.types {
        for target in CUDATwin.types {
          let x = try CUDATwin.pair([12, width], source, seed: 1), label = "\(source) to \(target), width \(width)"
          for (from, to) in [(repeated, mixed), (mixed, sequence), (sequence, sequence)] {
            let y = try CUDATwin.pair([12, width], target, seed: 2)
            card.copyRows(of: x.card, from, to: y.card, to)
            cpu.copyRows(of: x.host, from, to: y.host, to)
            CUDATwin.expectAgree(y.card, y.host, label)
          }
          for rows in [repeated, mixed, sequence] {
            let y = try CUDATwin.pair([12, width], target, seed: 3)
            card.addRows(of: x.card, scale: 0.3, to: y.card, rows)
            cpu.addRows(of: x.host, scale: 0.3, to: y.host, rows)
            CUDATwin.expectAgree(y.card, y.host, "sums, \(label)")
          }
        }
      }
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("an array of row numbers that was changed is uploaded anew")
  func changedRows() throws {
    let x = try CUDATwin.pair([6, 8], seed: 4)
    var rows = [2, 0, 5]
    for _ in 0..<3 {
      let y = try CUDATwin.pair([3, 8], seed: 5)
      card.copyRows(of: x.card, rows, to: y.card, [0, 1, 2])
      cpu.copyRows(of: x.host, rows, to: y.host, [0, 1, 2])
      CUDATwin.expectAgree(y.card, y.host, "\(rows)")
      rows[1] += 1
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("embeddings, and the gradient of a table with repeated ids")
  func embeddings() throws {
    let ids = (0..<40).map { $0 * 7 % 11 }
    for width in [8, 37] {
      for table in CUDATwin.types {
        let weights = try CUDATwin.pair([11, width], table, seed: 6)
        for type in CUDATwin.types {
          for some in [ids, [3, 4, 5]] {
            let out = try CUDATwin.unset([some.count, width], type),
              expected = Tensor(uninitialized: [some.count, width], on: TestBackend.cpu)
            card.embedding(some, weights.card, scale: 2.5, into: out)
            cpu.embedding(some, weights.host, scale: 2.5, into: expected)
            CUDATwin.expectAgree(out, expected, "\(table) into \(type)")
          }
        }
      }
      let dout = try CUDATwin.pair([40, width], .bfloat16, seed: 7), gradient = try CUDATwin.pair([11, width], seed: 8)
      card.addRows(of: dout.card, scale: 2.5, to: gradient.card, ids)
      cpu.addRows(of: dout.host, scale: 2.5, to: gradient.host, ids)
      CUDATwin.expectAgree(gradient.card, gradient.host, "gradient")
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("patches, with and without a remainder at the edge", arguments: [28, 31])
  func patches(size: Int) throws {
    for source in CUDATwin.types {
      for type in CUDATwin.types {
        let images = try CUDATwin.pair([2, 3 * size * size], source, seed: 9)
        let shape = [2 * 16, 3 * 49], out = try CUDATwin.unset(shape, type),
          expected = Tensor(uninitialized: shape, on: TestBackend.cpu)
        card.extractPatches(images.card, count: 2, channels: 3, size: size, patchSize: 7, into: out)
        cpu.extractPatches(images.host, count: 2, channels: 3, size: size, patchSize: 7, into: expected)
        CUDATwin.expectAgree(out, expected, "\(source) into \(type)")
      }
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("heads are turned forwards and back", arguments: [2, 10, 64, 256])
  func rotary(headSize: Int) throws {
    let tables = [10_000.0, 1_000_000].map { RotaryTable(headSize: headSize, base: $0, positionCount: 50) }
    let positions: [Int32] = [0, 49, 3, 3, 17]
    for table in tables {
      for source in CUDATwin.types {
        for target in CUDATwin.types {
          for direction: Float in [1, -1] {
            let x = try CUDATwin.pair([5, 3 * headSize], source, seed: 10)
            let out = try CUDATwin.unset([5, 3 * headSize], target),
              expected = Tensor(uninitialized: [5, 3 * headSize], on: TestBackend.cpu)
            card.rotate(x.card, table: table, positions: positions, direction: direction, into: out)
            cpu.rotate(x.host, table: table, positions: positions, direction: direction, into: expected)
            CUDATwin.expectAgree(out, expected, "\(source) into \(target), direction \(direction)")
          }
        }
      }
    }
    try CUDATwin.expectNoFailure()
  }
}
