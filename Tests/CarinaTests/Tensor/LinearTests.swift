import TestSupport
import Testing

import Carina

@Suite("Linear") struct LinearTests {
  @Test(
    "agrees with plain loops, bfloat16 inputs rounded first", arguments: [ElementType.float32, .bfloat16],
    [(1, 1, 1), (1, 7, 33), (7, 33, 65), (65, 130, 33), (130, 65, 130), (0, 7, 5), (300, 65, 33)])
  func forward(type: ElementType, size: (rows: Int, inputs: Int, outputs: Int)) {
    let x = Tensor.random([size.rows, size.inputs], seed: 1)
    let weight = Parameter.random("w", [size.outputs, size.inputs], seed: 2, type: type)
    let bias = Parameter.random("b", [size.outputs], seed: 3, type: type, decays: false)
    let expected = DoubleMatrix.linear(
      DoubleMatrix(x.converted(to: type)), DoubleMatrix(weight.value), bias.value.doubles)
    let out = linear(x, weight, bias, tape: nil)
    #expect(out.shape == [size.rows, size.outputs])
    expectClose(out.doubles, expected.values, relative: 2e-6)
    expectClose(
      linear(x, weight, tape: nil).doubles,
      zip(expected.values, expected.values.indices).map {
        $0 - bias.value.doubles[$1 % size.outputs]
      }, relative: 2e-6, absolute: 1e-6)
  }

  @Test(
    "bias, activation, other matrix and rounding in one pass are those of separate ones", arguments: [false, true],
    [GELUKind?.none, .tanhApproximation, .exact])
  func finished(isPacked: Bool, activation: GELUKind?) {
    let weight = Parameter.random("w", [130, 64], seed: 2, type: .bfloat16, trainable: false)
    if isPacked { weight.packWhenFrozen() }
    let bias = Parameter.random("b", [130], seed: 3, type: .bfloat16, trainable: false)
    let input = ProductInput(Tensor.random([70, 64], seed: 1), as: .bfloat16)
    let other = Tensor.random([70, 130], seed: 4)
    var plain = linear(input, weight, bias, tape: nil)
    if let activation { plain = gelu(plain, kind: activation, tape: nil) }
    let products = zip(plain.doubles, other.doubles).map { $0 * $1 }, sums = zip(plain.doubles, other.doubles).map(+)
    // Without a library that does it there is nothing to compare.
    guard let found = linearWithEpilogue(input, weight, bias, activation: activation) else { return }
    expectClose(found.doubles, plain.doubles, relative: 2e-5, absolute: 2e-5)
    // The processor's library does all of them, that of a card not each.
    let doesAll = TestBackend.chosen === TestBackend.cpu
    let multiplied = linearWithEpilogue(input, weight, bias, activation: activation, factor: other)
    if doesAll || multiplied != nil {
      expectClose(multiplied?.doubles ?? [], products, relative: 2e-5, absolute: 2e-5)
    }
    let added = linearWithEpilogue(input, weight, bias, activation: activation, summand: other, as: .bfloat16)
    if doesAll || added != nil {
      #expect(added?.elementType == .bfloat16)
      expectClose(added?.doubles ?? [], sums, relative: 0x1p-8, absolute: 1e-4)
    }
    let bare = linearWithEpilogue(input, weight, nil)
    expectClose(bare?.doubles ?? [], linear(input, weight, tape: nil).doubles, relative: 2e-6, absolute: 1e-6)
  }

  @Test(
    "in fp32 bias and summand in one pass have the bits of separate passes, an activation is left alone",
    arguments: [64, 70, 200], [(inputs: 64, outputs: 130), (1040, 64), (300, 500)])
  func finishedInFloats(rows: Int, size: (inputs: Int, outputs: Int)) {
    let weight = Parameter.random("w", [size.outputs, size.inputs], seed: 2, trainable: false)
    let bias = Parameter.random("b", [size.outputs], seed: 3, trainable: false)
    let input = ProductInput(Tensor.random([rows, size.inputs], seed: 1), as: .float32)
    let other = Tensor.random([rows, size.outputs], seed: 4)
    let plain = linear(input, weight, bias, tape: nil)
    if let biased = linearWithEpilogue(input, weight, bias) { #expect(biased.values == plain.values) }
    let added = linearWithEpilogue(input, weight, bias, summand: other)
    if TestBackend.chosen === TestBackend.cpu, size.inputs * size.outputs >= 1 << 14 {
      #expect(added != nil)
    }
    if let added { #expect(added.values == add(other, plain, tape: nil).values) }
    #expect(linearWithEpilogue(input, weight, bias, activation: .tanhApproximation) == nil)
  }

  @Test("reads a run of rows of a fused weight, and gives the gradient to those rows alone")
  func weightRows() {
    let x = Tensor.random([9, 6], seed: 4)
    let weight = Parameter.random("w", [12, 6], seed: 5), bias = Parameter.random("b", [12], seed: 6)
    let tape = Tape()
    let whole = linear(x, weight, bias, tape: nil)
    let part = linear(x, weight, bias, weightRows: 4..<9, tape: tape)
    let expected = (0..<9).flatMap { row in (4..<9).map { whole.values[row * 12 + $0] } }
    expectClose(part.values, expected, relative: 1e-6)
    tape.backward(from: part, seed: Tensor.random([9, 5], seed: 7))
    let rows = weight.gradient.map { DoubleMatrix($0) }
    for row in 0..<12 {
      let isTouched = (0..<6).contains { rows?[row, $0] != 0 }
      #expect(isTouched == (4..<9).contains(row))
      #expect((bias.gradient?.values[row] != 0) == (4..<9).contains(row))
    }
  }

  @Test(
    "gradients agree with plain loops; in bfloat16 the upstream gradient is rounded as well",
    arguments: [ElementType.float32, .bfloat16], [(1, 1, 1), (7, 33, 65), (130, 65, 33), (200, 7, 1), (0, 5, 3)])
  func backward(type: ElementType, size: (rows: Int, inputs: Int, outputs: Int)) {
    let tape = Tape()
    let x = tape.watch(Tensor.random([size.rows, size.inputs], seed: 11))
    let weight = Parameter.random("w", [size.outputs, size.inputs], seed: 12, type: type)
    let bias = Parameter.random("b", [size.outputs], seed: 13, type: type)
    let seed = Tensor.random([size.rows, size.outputs], seed: 14)
    tape.backward(from: linear(x, weight, bias, tape: tape), seed: seed)
    let slope = DoubleMatrix(seed.converted(to: type))
    let dx = slope * DoubleMatrix(weight.value)
    let dweight = slope.transposed * DoubleMatrix(x.detached.converted(to: type))
    expectClose(tape.gradient(of: x)?.doubles ?? [], dx.values, relative: 3e-6, "x")
    expectClose(weight.gradient?.doubles ?? [], dweight.values, relative: 3e-6, "weight")
    expectClose(bias.gradient?.doubles ?? [], DoubleMatrix(seed).columnSums, relative: 3e-6, "bias")
    #expect(weight.gradient?.elementType == .float32)
  }

  @Test("gradients are the slopes of the plain loops")
  func slopes() {
    let tape = Tape()
    let x = tape.watch(Tensor.random([7, 5], seed: 21))
    let weight = Parameter.random("w", [3, 5], seed: 22), bias = Parameter.random("b", [3], seed: 23)
    let seed = Tensor.random([7, 3], seed: 24)
    tape.backward(from: linear(x, weight, bias, tape: tape), seed: seed)
    let (points, rows, shift) = (x.doubles, weight.value.doubles, bias.value.doubles)
    func twin(_ x: [Double], _ w: [Double], _ b: [Double]) -> Double {
      weightedSum(
        DoubleMatrix.linear(DoubleMatrix(x, rows: 7, columns: 5), DoubleMatrix(w, rows: 3, columns: 5), b).values,
        seed.doubles)
    }
    expectGradient(tape.gradient(of: x), at: points, "x") { twin($0, rows, shift) }
    expectGradient(weight.gradient, at: rows, "weight") { twin(points, $0, shift) }
    expectGradient(bias.gradient, at: shift, "bias") { twin(points, rows, $0) }
  }

  @Test("a frozen weight passes the gradient on and gets none; without anything to train the tape stays empty")
  func frozen() {
    let tape = Tape()
    let frozen = Parameter.random("w", [4, 5], seed: 31, trainable: false)
    let plain = Tensor.random([3, 5], seed: 32)
    #expect(linear(plain, frozen, tape: tape).node == nil)
    let x = tape.watch(plain)
    let out = linear(x, frozen, tape: tape)
    #expect(out.node != nil)
    tape.backward(from: out, seed: Tensor.random([3, 4], seed: 33))
    #expect(frozen.gradient == nil)
    #expect(tape.gradient(of: x)?.shape == [3, 5])
  }

  @Test("a trained bfloat16 weight keeps its fp32 original in two halves")
  func master() {
    let weight = Parameter.random("w", [4, 5], seed: 41, type: .bfloat16, trainable: false)
    #expect(weight.remainder == nil)
    let rounded = weight.value
    weight.setTrainable(true)
    expectSameBits(weight.trainedValue, rounded.converted(to: .float32))
    let fresh = Tensor.random([4, 5], seed: 42)
    weight.assign(fresh)
    expectSameBits(weight.trainedValue, fresh)
    expectSameBits(weight.value, fresh.converted(to: .bfloat16))
    // Frozen again, as the vision encoder after its one epoch: a resumed value must reach both copies.
    weight.setTrainable(false)
    let resumed = Tensor.random([4, 5], seed: 43)
    weight.assign(resumed)
    expectSameBits(weight.trainedValue.converted(to: .bfloat16), weight.value)
    expectSameBits(weight.value, resumed.converted(to: .bfloat16))
  }

  @Test("both halves give every fp32 number back, but for those half-way to an even neighbour below")
  func halves() {
    var generator = SeededGenerator(seed: 44, stream: "bits")
    let exact: [UInt32] = [
      0, 0x8000_0000, 0x3f80_0000, 0x3f80_7fff, 0x3f80_8001, 0x3f81_8000, 0xbf81_8000, 0x0000_8001,
    ]
    let random = (0..<1000).map { _ in UInt32(truncatingIfNeeded: generator.next()) & 0xbfff_ffff }
    let numbers = (exact + random.filter { $0 & 0x1ffff != 0x8000 }).map { Float(bitPattern: $0) }
    let ties = [Float(bitPattern: 0x3f80_8000), Float(bitPattern: 0xbf82_8000)]
    let weight = Parameter.random("w", [numbers.count + 2], seed: 45, type: .bfloat16)
    weight.assign(Tensor(numbers + ties, shape: [numbers.count + 2]))
    let found = weight.trainedValue.values
    #expect(found.prefix(numbers.count).map(\.bitPattern) == numbers.map(\.bitPattern))
    #expect(found.suffix(2).map(\.bitPattern) == [0x3f80_7fff, 0xbf82_7fff])
    expectSameBits(weight.value, weight.trainedValue.converted(to: .bfloat16))
  }

  @Test("training a weight of a mapped file leaves the mapping alone")
  func borrowed() {
    final class Owner { let storage = Storage(byteCount: 64, on: TestBackend.cpu) }
    let owner = Owner()
    let storage = Storage(borrowing: owner.storage.pointer, byteCount: 64, owner: owner)
    let weight = Parameter(name: "w", value: Tensor(shape: [4, 4], storage: storage), decays: true)
    #expect(weight.value.pointer == owner.storage.pointer)
    weight.setTrainable(true)
    #expect(weight.value.pointer != owner.storage.pointer)
    #expect(!weight.value.storage.isBorrowed)
  }
}
