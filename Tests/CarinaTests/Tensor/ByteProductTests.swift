import TestSupport
import Testing

import Carina

@Suite("Products of bytes") struct ByteProductTests {
  /// Rows, inputs, outputs.
  private static let sizes = [
    (1, 1, 1), (2, 3, 7), (5, 17, 33), (12, 64, 32), (13, 65, 130), (70, 260, 95), (31, 1152, 40), (6, 128, 64),
  ]

  @Test("numbers are rounded after the GELU of fp32 to a few last digits, by vectors and without to the same bits")
  func activated() {
    let numbers = (-3000..<3000).map { Float($0) * 0.004 } + (0..<217).map { Float($0) * 0.3 }
    let x = Tensor(numbers, shape: [1, numbers.count])
    func rows(byVectors: Bool) -> ByteRows {
      ByteRows(x, activation: .tanhApproximation, group: 1 << 15, byVectors: byVectors, on: TestBackend.cpu)
    }
    let plain = rows(byVectors: false), after = gelu(x, kind: .tanhApproximation, tape: nil)
    if ByteRows.hasVectors {
      let vectors = rows(byVectors: true)
      #expect(vectors.wholeNumbers == plain.wholeNumbers && vectors.stepSizes == plain.stepSizes)
    }
    let expected = ByteRows(after, group: 1 << 15, byVectors: false, on: TestBackend.cpu)
    #expect(zip(plain.wholeNumbers, expected.wholeNumbers).allSatisfy { abs($0 - $1) <= 1 })
    #expect(zip(plain.wholeNumbers, expected.wholeNumbers).filter { $0 != $1 }.count < 10)
  }

  private static func matrix(_ rows: Int, _ columns: Int, seed: UInt64 = 2) -> QuantizedMatrix {
    QuantizedMatrix(Tensor.random([rows, columns], seed: seed).converted(to: .bfloat16))
  }

  /// Σ over groups of step · whole sum, as the definition says it; the sums of whole numbers are exact.
  private static func reference(
    _ left: ByteRows, group: Int, outputs: Int, _ weight: (Int, Int) -> Int, scale: (Int) -> Float = { _ in 1 },
    bias: (Int) -> Float = { _ in 0 }
  ) -> [Float] {
    let values = left.wholeNumbers, steps = left.stepSizes, groups = (left.columns + group - 1) / group
    return (0..<left.rows).flatMap { row in
      (0..<outputs).map { output in
        var total: Float = 0
        for part in 0..<groups {
          let range = part * group..<min(left.columns, (part + 1) * group)
          let sum = range.reduce(0) { $0 + values[row * left.columns + $1] * weight($1, output) }
          let step = steps[row * groups + part]
          total = part == 0 ? Float(sum) * step : total.addingProduct(Float(sum), step)
        }
        return bias(output).addingProduct(total, scale(output))
      }
    }
  }

  @Test(
    "equal exact sums of whole numbers bit for bit, forwards and back, with vectors and without, in groups and whole rows",
    arguments: sizes, [64, 1 << 15])
  func exact(size: (rows: Int, inputs: Int, outputs: Int), group: Int) {
    let matrix = Self.matrix(size.outputs, size.inputs), whole = matrix.wholeNumbers, scales = matrix.rowScales
    let x = Self.withLargeNumbers([size.rows, size.inputs], seed: 1), bias = Tensor.random([size.outputs], seed: 3)
    let summand = Tensor.random([size.rows, size.outputs], seed: 4)
    let gradient = Self.withLargeNumbers([size.rows, size.outputs], seed: 5, in: -1e-4..<3e-4)
    let backend = CPUBackend(byteRounding: ByteRounding(forward: group, backward: group))
    let turned = QuantizedMatrix(
      rows: size.outputs, columns: size.inputs, storage: matrix.storage, on: backend)
    for byVectors in ByteRows.hasVectors ? [true, false] : [false] {
      let rows = ByteRows(x, group: group, byVectors: byVectors, on: TestBackend.cpu)
      let plain = Self.reference(
        rows, group: group, outputs: size.outputs, { whole[$1 * size.inputs + $0] }, scale: { scales[$0] })
      let out = Tensor(uninitialized: [size.rows, size.outputs])
      matrix.multiply(rows, bias: nil, summand: nil, byVectors: byVectors, into: out)
      #expect(out.values == plain, "forwards, by vectors: \(byVectors)")
      matrix.multiply(rows, bias: bias, summand: summand, byVectors: byVectors, into: out)
      let (biases, summands) = (bias.values, summand.values)
      let shifted = Self.reference(
        rows, group: group, outputs: size.outputs, { whole[$1 * size.inputs + $0] }, scale: { scales[$0] },
        bias: { biases[$0] })
      #expect(out.values == shifted.indices.map { shifted[$0] + summands[$0] })

      let scaled = Tensor(
        gradient.values.enumerated().map { $0.element * scales[$0.offset % size.outputs] },
        shape: gradient.shape)
      let back = ByteRows(scaled, group: group, byVectors: byVectors, on: TestBackend.cpu)
      let dx = Tensor(uninitialized: x.shape)
      turned.multiplyBack(gradient, byVectors: byVectors, into: dx)
      #expect(
        dx.values
          == Self.reference(
            back, group: group, outputs: size.inputs, { whole[$0 * size.inputs + $1] }),
        "back, by vectors: \(byVectors)")
    }
  }

  @Test(
    "a matrix that lies packed gives the bits of its rows, forwards and back, with vectors and without",
    arguments: sizes,
    [64, 36, 1 << 15])
  func packed(size: (rows: Int, inputs: Int, outputs: Int), group: Int) {
    let backend = CPUBackend(byteRounding: ByteRounding(forward: group, backward: 2 * group))
    let value = Tensor.random([size.outputs, size.inputs], seed: 2).converted(to: .bfloat16)
    let factors = Tensor((0..<size.inputs).map { $0 % 5 == 0 ? 0.25 : 1 }, shape: [size.inputs])
    let matrix = QuantizedMatrix(value, dividedBy: factors, on: backend)
    let x = Self.withLargeNumbers([size.rows, size.inputs], seed: 1), bias = Tensor.random([size.outputs], seed: 3)
    let summand = Tensor.random([size.rows, size.outputs], seed: 4)
    let gradient = Self.withLargeNumbers([size.rows, size.outputs], seed: 5, in: -1e-4..<3e-4)
    for byVectors in ByteRows.hasVectors ? [true, false] : [false] {
      let rows = ByteRows(x, factors: factors.floats, group: group, byVectors: byVectors, on: backend)
      let packed = BytePanels(matrix, byVectors: byVectors)
      #expect(packed.rows == size.outputs && packed.columns == size.inputs)
      let expected = Tensor(uninitialized: [size.rows, size.outputs]), out = Tensor(uninitialized: expected.shape)
      matrix.multiply(rows, bias: bias, summand: summand, byVectors: byVectors, into: expected)
      packed.multiply(rows, bias: bias, summand: summand, byVectors: byVectors, into: out)
      expectSameBits(out, expected, "forwards, by vectors: \(byVectors)")
      let turned = Tensor(uninitialized: x.shape), dx = Tensor(uninitialized: x.shape)
      matrix.multiplyBack(gradient, byVectors: byVectors, into: turned)
      packed.multiplyBack(gradient, byVectors: byVectors, into: dx)
      expectSameBits(dx, turned, "back, by vectors: \(byVectors)")
    }
    expectSameBits(
      BytePanels(matrix).product(x),
      {
        let out = Tensor(uninitialized: [size.rows, size.outputs])
        matrix.multiply(
          backend.byteRows(x, activation: nil, factors: factors), bias: nil, summand: nil, into: out)
        return out
      }(), "rows that are rounded there")
  }

  /// Random rows, the second of every three with numbers 40, -600 and 9000 times as large as the others.
  private static func withLargeNumbers(_ shape: [Int], seed: UInt64, in range: Range<Double> = -1..<1) -> Tensor {
    var numbers = Tensor.random(shape, seed: seed, in: range).values
    for row in stride(from: 1, to: shape[0], by: 3) {
      for (index, factor) in zip(stride(from: 5, to: shape[1], by: 29), [Float(40), -600, 9000, 3, -70]) {
        numbers[row * shape[1] + index] *= factor
      }
    }
    return Tensor(numbers, shape: shape)
  }

  @Test("numbers far larger than the others of a row are met as exactly as these, up to 16 of them")
  func largeNumbers() {
    let x = Self.withLargeNumbers([9, 260], seed: 3), numbers = x.doubles
    for byVectors in ByteRows.hasVectors ? [true, false] : [false] {
      let rows = ByteRows(x, group: 1 << 15, byVectors: byVectors, on: TestBackend.cpu)
      let narrow = ByteRows(x, group: 1 << 15, widensLarge: false, byVectors: byVectors, on: TestBackend.cpu)
      let whole = rows.wholeNumbers, steps = rows.stepSizes
      for row in 0..<9 {
        let isLarge = row % 3 == 1
        #expect((rows.furtherDigits[row] > 0) == isLarge)
        #expect(isLarge ? steps[row] * 50 < narrow.stepSizes[row] : steps[row] == narrow.stepSizes[row])
        for index in row * 260..<(row + 1) * 260 {
          #expect(abs(Double(whole[index]) * Double(steps[row]) - numbers[index]) <= 1.001 * Double(steps[row]))
        }
      }
    }
    var many = Tensor.random([1, 260], seed: 4).values
    for index in 0..<17 { many[index * 11] = 1000 + Float(index) }
    let rows = ByteRows(Tensor(many, shape: [1, 260]), group: 1 << 15, on: TestBackend.cpu)
    #expect(rows.furtherDigits == [0], "17 are not a few")
  }

  @Test("columns of small weights that meet large channels are rounded as well as the others, whatever the factor")
  func columnFactors() {
    let weight = Tensor.random([96, 200], seed: 2).values, x = Tensor.random([50, 200], seed: 1).values
    func error(_ factor: Float) -> Double {
      var scaled = weight, larger = x
      for row in 0..<96 { for column in [7, 90, 150] { scaled[row * 200 + column] /= factor } }
      for row in 0..<50 { for column in [7, 90, 150] { larger[row * 200 + column] *= factor } }
      let seed = Tensor.random([50, 96], seed: 6)
      func pass(_ isInBytes: Bool) -> [Tensor?] {
        let parameter = Parameter(name: "w", value: Tensor(scaled, shape: [96, 200]), decays: true)
        if isInBytes { parameter.multiplyInBytes() }
        let tape = Tape(), watched = tape.watch(Tensor(larger, shape: [50, 200]))
        let out = linear(watched, parameter, tape: tape)
        tape.backward(from: out, seed: seed)
        return [out, tape.gradient(of: watched)]
      }
      let full = pass(false), bytes = pass(true)
      return max(distance(bytes[0], full[0]), distance(bytes[1], full[1]))
    }
    let usual = error(1)
    for factor in [Float(8), 32, 1024] { #expect(error(factor) < 1.2 * usual, "\(factor) times") }
  }

  @Test("maps that read the same rows share their factors, and a column of zeros keeps its rows")
  func sharedFactors() {
    var numbers = Tensor.random([40, 70], seed: 2).values
    for row in 0..<40 {
      numbers[row * 70 + 3] = 0
      numbers[row * 70 + 4] *= 0x1p-6
    }
    let first = Parameter(name: "a", value: Tensor(numbers, shape: [40, 70]), decays: true)
    let second = Parameter(name: "b", value: Tensor(numbers, shape: [40, 70]), decays: true)
    Parameter.multiplyInBytes([first, second])
    let factors = first.quantized?.columnFactors?.values ?? []
    #expect(factors == second.quantized?.columnFactors?.values)
    #expect(factors.count == 70 && factors[3] == 1 && factors[4] == 0x1p-6 && factors[5] == 1)
    #expect(factors.allSatisfy { $0.significand == 1 })
    let input = ProductInput(Tensor.random([5, 70], seed: 1), as: .float32)
    expectSameBits(linear(input, first, tape: nil), linear(input, second, tape: nil), "same weights")
  }

  @Test(
    "a row is rounded to within half a step, 0 to 0, and its step is a 255th of what it spans",
    arguments: [64, 1 << 15])
  func rounding(group: Int) {
    var numbers = Tensor.random([6, 130], seed: 7, in: -0.3..<2).values
    for index in 0..<130 { numbers[130 + index] = 0 }
    for index in 0..<130 { numbers[260 + index] *= 1e-30 }
    for index in 0..<130 { numbers[390 + index] = -abs(numbers[390 + index]) * 1e30 }
    numbers[20] = 0
    let x = Tensor(numbers, shape: [6, 130]), groups = (130 + group - 1) / group
    for byVectors in ByteRows.hasVectors ? [true, false] : [false] {
      let rows = ByteRows(x, group: group, byVectors: byVectors, on: TestBackend.cpu)
      let whole = rows.wholeNumbers, steps = rows.stepSizes
      for row in 0..<6 {
        for part in 0..<groups {
          let range = row * 130 + part * group..<row * 130 + min(130, (part + 1) * group),
            step = steps[row * groups + part]
          let low = min(0, numbers[range].min() ?? 0), high = max(0, numbers[range].max() ?? 0)
          #expect(abs(Double(step) - (Double(high) - Double(low)) / 255) <= 1e-6 * Double(high - low))
          for index in range {
            // A bound of the range may lie half a step outside of the whole numbers, as 0 is one of them.
            #expect(abs(Double(whole[index]) * Double(step) - Double(numbers[index])) <= 1.001 * Double(step))
          }
        }
      }
      #expect(whole[20] == 0 && whole[130..<260].allSatisfy { $0 == 0 })
    }
  }

  @Test("what is no number, or infinite, makes its own row none, and no other")
  func notFinite() {
    let matrix = Self.matrix(40, 70)
    for bad in [Float.nan, .infinity, -.infinity] {
      var numbers = Tensor.random([3, 70], seed: 1).values
      numbers[70 + 69] = bad
      let x = Tensor(numbers, shape: [3, 70])
      for byVectors in ByteRows.hasVectors ? [true, false] : [false] {
        let out = Tensor(uninitialized: [3, 40])
        matrix.multiply(
          ByteRows(x, group: 1 << 15, byVectors: byVectors, on: TestBackend.cpu), bias: nil, summand: nil,
          byVectors: byVectors, into: out)
        let found = out.values
        #expect(found[40..<80].allSatisfy { $0.isNaN } && (found[..<40] + found[80...]).allSatisfy { $0.isFinite })
      }
    }
  }

  @Test("a row's digits depend neither on how many rows there are nor on the number of threads")
  func independence() {
    let matrix = Self.matrix(300, 129), x = Self.withLargeNumbers([150, 129], seed: 1)
    let gradient = Self.withLargeNumbers([150, 300], seed: 2)
    func products(_ range: Range<Int>) -> (Tensor, Tensor) {
      let out = Tensor(uninitialized: [range.count, 300]), dx = Tensor(uninitialized: [range.count, 129])
      matrix.multiply(
        TestBackend.cpu.byteRows(x.rowSlice(range), activation: nil, factors: nil), bias: nil, summand: nil, into: out)
      matrix.multiplyBack(gradient.rowSlice(range), into: dx)
      return (out, dx)
    }
    let all = withThreads(1) { products(0..<150) }
    for (first, count) in [(0, 1), (3, 2), (17, 11), (40, 12), (100, 50)] {
      for threads in [1, 2, 3, 16] {
        let part = withThreads(threads) { products(first..<first + count) }
        expectSameBits(part.0, all.0.rowSlice(first..<first + count), "\(count) rows, \(threads) threads")
        expectSameBits(part.1, all.1.rowSlice(first..<first + count), "\(count) rows back, \(threads) threads")
      }
    }
  }

  @Test(
    "a linear map in bytes stays near the map of the whole numbers, with its gradient, and trains nothing of its own")
  func inLinear() {
    let x = Tensor.random([90, 200], seed: 1), seed = Tensor.random([90, 150], seed: 6)
    let weight = Parameter.random("w", [150, 200], seed: 2, trainable: false)
    let bias = Parameter.random("b", [150], seed: 3, trainable: false)
    func pass() -> (Tensor, Tensor?) {
      let tape = Tape(), watched = tape.watch(x), out = linear(watched, weight, bias, tape: tape)
      tape.backward(from: out, seed: seed)
      return (out, tape.gradient(of: watched))
    }
    let full = pass()
    weight.multiplyInBytes()
    let bytes = pass()
    #expect(weight.multipliesBytes && weight.gradient == nil)
    expectSameBits(linear(x, weight, bias, tape: nil), bytes.0.detached, "off the tape")
    #expect(distance(bytes.0, full.0) < 0.012 && distance(bytes.0, full.0) > 1e-4)
    #expect(distance(bytes.1, full.1) < 0.012)
    let input = ProductInput(x, as: .float32), other = Tensor.random([90, 150], seed: 9)
    expectSameBits(
      linearWithEpilogue(input, weight, bias, summand: other), add(other, bytes.0.detached, tape: nil), "in one pass")
    let active = linear(ProductInput(activated: x, .tanhApproximation, for: weight), weight, bias, tape: nil)
    #expect(distance(active, linear(gelu(x, kind: .tanhApproximation, tape: nil), weight, bias, tape: nil)) < 1e-3)
    expectSameBits(
      linear(ProductInput(activated: x, .exact, for: weight), weight, bias, tape: nil),
      linear(gelu(x, kind: .exact, tape: nil), weight, bias, tape: nil), "after the exact activation")
    weight.setTrainable(true)
    #expect(!weight.multipliesBytes)
  }

  @Test(
    "adapters beside a map in bytes are those beside the map that its whole numbers make",
    arguments: [ElementType.float32, .bfloat16])
  func adapted(type: ElementType) {
    let x = Tensor.random([40, 96], seed: 1), seed = Tensor.random([40, 72], seed: 6)
    let weight = Parameter.random("w", [72, 96], seed: 2, type: type, trainable: false)
    let term = LowRankTerm(
      a: Parameter.random("a", [4, 96], seed: 7, type: type), b: Parameter.random("b", [72, 4], seed: 8, type: type),
      scale: 0.5)
    func pass() -> [Tensor?] {
      for factor in [term.a, term.b] { factor.clearGradient() }
      let tape = Tape(), watched = tape.watch(x)
      let out = linear(ProductInput(watched, as: type), weight, nil, adding: [term], tape: tape)
      tape.backward(from: out, seed: seed)
      return [out, tape.gradient(of: watched), term.a.gradient, term.b.gradient].map { $0?.copied() }
    }
    let full = pass()
    weight.multiplyInBytes()
    let bytes = pass()
    for index in 0..<2 { #expect(distance(bytes[index], full[index]) < 0.012) }
    // The adapters' own gradients go past the frozen map.
    for index in 2..<4 { expectSameBits(bytes[index], full[index]) }
  }

  /// Root mean square of the difference, in parts of that of the second.
  private func distance(_ one: Tensor?, _ other: Tensor?) -> Double {
    guard let one = one?.doubles, let other = other?.doubles, one.count == other.count else { return .infinity }
    let squares = zip(one, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (squares / other.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }
}
