import TestSupport
import Testing

import Carina

/// Packing is a matter of time and memory: it must change no digit.
@Suite("Packed factors") struct PackedProductsTests {
  /// Result and gradient of the input of one pass.
  private func pass(
    _ weight: Parameter, bias: Parameter? = nil, rows: Int, seed: UInt64
  ) -> (out: Tensor, gradient: Tensor?) {
    let tape = Tape(), x = tape.watch(Tensor.random([rows, weight.shape[1]], seed: seed))
    let out = linear(x, weight, bias, tape: tape)
    tape.backward(from: out, seed: Tensor.random([rows, weight.shape[0]], seed: seed + 100))
    return (out.detached, tape.gradient(of: x))
  }

  @Test(
    "one packed copy gives the bits of the plain matrix forwards and backwards, whatever its sizes and threads",
    arguments: [(192, 128, 300), (64, 192, 130), (130, 65, 300), (96, 64, 200), (128, 256, 70)], [1, 3])
  func bothWays(size: (outputs: Int, inputs: Int, rows: Int), threads: Int) {
    func weight() -> Parameter {
      Parameter.random("w", [size.outputs, size.inputs], seed: 2, type: .bfloat16, trainable: false)
    }
    let plain = weight(), packed = weight()
    packed.packWhenFrozen()
    withThreads(threads) {
      for seed in UInt64(1)...4 {
        let (one, other) = (
          pass(plain, rows: size.rows, seed: seed), pass(packed, rows: size.rows, seed: seed)
        )
        expectSameBits(one.out, other.out, "pass \(seed)")
        expectSameBits(one.gradient ?? one.out, other.gradient ?? other.out, "gradient of pass \(seed)")
      }
    }
    #expect(plain.frozenFactor == nil)
    if packed.value.backend.packsFactors { #expect(packed.frozenFactor?.isPacked == true) }
    packed.leaveUnpacked()
    expectSameBits(pass(plain, rows: size.rows, seed: 9).out, pass(packed, rows: size.rows, seed: 9).out)
  }

  @Test("a trained matrix that is held is packed without another digit, and is read anew once it was let go")
  func held() throws {
    func weight() -> Parameter { Parameter.random("w", [192, 128], seed: 2, type: .bfloat16, trainable: true) }
    let plain = weight(), held = weight()
    let bias = Parameter.random("b", [192], seed: 3, type: .bfloat16, trainable: false)
    for step in UInt64(1)...2 {
      held.hold()
      for seed in UInt64(1)...3 {
        let (one, other) = (
          pass(plain, bias: bias, rows: 300, seed: step * 10 + seed),
          pass(held, bias: bias, rows: 300, seed: step * 10 + seed)
        )
        expectSameBits(one.out, other.out, "step \(step), pass \(seed)")
        expectSameBits(one.gradient ?? one.out, other.gradient ?? other.out, "step \(step), pass \(seed)")
      }
      let gradient = try #require(held.gradient)
      expectSameBits(plain.gradient ?? plain.value, gradient)
      if held.value.backend.packsFactors { #expect(held.frozenFactor?.isPacked == true) }
      held.letGo()
      #expect(held.frozenFactor?.isPacked != true && !held.isHeld)
      for parameter in [plain, held] {
        parameter.clearGradient()
        parameter.assign(Tensor.random([192, 128], seed: 7 + step))
      }
      // The next gradient lies where this one did.
      let memory = gradient.storage
      _ = pass(plain, rows: 8, seed: 1)
      _ = pass(held, rows: 8, seed: 1)
      #expect(try #require(held.gradient).storage === memory)
      expectSameBits(plain.gradient ?? plain.value, held.gradient ?? held.value)
      for parameter in [plain, held] { parameter.clearGradient() }
    }
  }

  @Test("a factor that is packed for one large product gives the bits of the library's plain product")
  func once() throws {
    // The rows of the smaller product are too few to pack for, so its rows are those of the plain one.
    let (inputs, outputs) = (1024, 1088)
    let weight = Tensor.random([inputs, outputs], seed: 3).converted(to: .bfloat16)
    let x = Tensor.random([300, inputs], seed: 4).converted(to: .bfloat16)
    let whole = Tensor(zeros: [300, outputs]), part = Tensor(zeros: [150, outputs])
    whole.backend.multiply(MatrixFactor(x), MatrixFactor(weight), into: whole, accumulate: false)
    for first in [0, 150] {
      let rows = x.rowSlice(first..<first + 150)
      part.backend.multiply(MatrixFactor(rows), MatrixFactor(weight), into: part, accumulate: false)
      expectSameBits(part, whole.rowSlice(first..<first + 150).copied())
    }
    let expected = DoubleMatrix(x.rowSlice(7..<8)) * DoubleMatrix(weight)
    expectClose(whole.rowSlice(7..<8).doubles, expected.values, relative: 1e-5)
  }

  @Test("the pages of a mapped file that products read no more are given back, and read again where they are wanted")
  func pages() throws {
    for type in [ElementType.bfloat16, .float32] { try pages(of: type) }
  }

  /// Weights are bf16: of the other type they are converted, and converted again.
  private func pages(of type: ElementType) throws {
    let directory = try TemporaryDirectory(), path = directory.file("w.safetensors")
    let numbers = Tensor.random([512, 512], seed: 5).converted(to: .bfloat16)
    try SafetensorsWriter.write([("w", numbers.converted(to: type))], to: path)
    let mapped = try SafetensorsFile(path: path).tensor(named: "w", on: TestBackend.cpu)
    let value = mapped.converted(to: .bfloat16)
    if type == .float32 { value.storage.setRemaking { mapped.converted(to: .bfloat16).storage } }
    let weight = Parameter(name: "w", value: value, decays: true)
    weight.packWhenFrozen()
    let before = ParameterDigest([weight])
    let first = pass(weight, rows: 128, seed: 1)
    let second = pass(weight, rows: 128, seed: 1)
    expectSameBits(first.out, second.out)
    #expect(ParameterDigest([weight]) == before)
    expectSameBits(weight.value, numbers)
    // What is trained from here on is not read from the file again.
    weight.setTrainable(true)
    weight.value.backend.fillWithZeros(weight.value)
    weight.releasePagesBehindCopy()
    weight.value.storage.releaseResidentPages()
    #expect(weight.value.values.allSatisfy { $0 == 0 })
  }
}
