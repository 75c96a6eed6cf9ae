import Carina
import Foundation

/// A backend that behaves as a device of its own would, and computes as the processor does: it counts how often somebody
/// waits for its numbers, stores activations as it is told, has no way of its own for few rows, packs nothing, and knows
/// no products of bytes.
// Unchecked: the lock guards everything that changes.
final class DeviceLikeBackend: Backend, @unchecked Sendable {
  private let cpu = CPUBackend()
  let activations: ElementType
  let memoryAvailable: Int?
  let fusesNorms: Bool
  private let lock = NSLock()
  private var counts = (reads: 0, sums: 0, other: 0, uploads: 0)

  init(activations: ElementType = .float32, memoryAvailable: Int? = nil, fusesNorms: Bool = true) {
    self.activations = activations
    self.memoryAvailable = memoryAvailable
    self.fusesNorms = fusesNorms
  }

  /// How often numbers came to the host: by `withHostBytes`, as sums of squares, and otherwise; and how often some went
  /// the other way.
  var waits: (reads: Int, sums: Int, other: Int, uploads: Int) { lock.withLock { counts } }

  /// Forgets the counts.
  func clear() { lock.withLock { counts = (0, 0, 0, 0) } }

  private func count(_ change: (inout (reads: Int, sums: Int, other: Int, uploads: Int)) -> Void) {
    lock.withLock { change(&counts) }
  }

  /// fp32 numbers of either type.
  private func wide(_ x: Tensor) -> Tensor {
    guard x.elementType == .bfloat16 else { return x }
    let result = Tensor(uninitialized: x.shape, on: cpu)
    cpu.convert(x, into: result)
    return result
  }

  /// Lets `body` write, or change, fp32 numbers that become those of `target`.
  private func into(_ target: Tensor, isChanged: Bool = false, _ body: (Tensor) -> Void) {
    guard target.elementType == .bfloat16 else { return body(target) }
    let result = isChanged ? wide(target) : Tensor(uninitialized: target.shape, on: cpu)
    body(result)
    cpu.convert(result, into: target)
  }

  // Memory.

  func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer { cpu.allocate(byteCount) }
  func release(_ address: UnsafeMutableRawPointer, byteCount: Int) { cpu.release(address, byteCount: byteCount) }
  func adopt(_ bytes: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) -> Storage {
    let storage = Storage(byteCount: byteCount, on: self)
    storage.address.copyMemory(from: bytes, byteCount: byteCount)
    count { $0.uploads += 1 }
    return storage
  }
  func withHostBytes<Result>(of tensor: Tensor, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    count { $0.reads += 1 }
    return try cpu.withHostBytes(of: tensor, body)
  }
  func fill<Result>(_ tensor: Tensor, _ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result {
    count { $0.uploads += 1 }
    return try cpu.fill(tensor, body)
  }
  func fillWithZeros(_ tensor: Tensor) { cpu.fillWithZeros(tensor) }
  func copy(_ source: Tensor, into target: Tensor) {
    precondition(source.elementType == target.elementType, "\(source.elementType) copied into \(target.elementType)")
    cpu.copy(source, into: target)
  }
  var memoryUsage: (inUse: Int, peak: Int, reserved: Int) { cpu.memoryUsage }
  func trimMemory() { cpu.trimMemory() }

  var productName: String { cpu.productName }
  func decoding<Result>(rows: Int, _ body: () -> Result) -> Result { body() }
  func throwFailure() throws { try cpu.throwFailure() }

  // Operations.

  func convert(_ source: Tensor, into target: Tensor) {
    precondition(source.elementType != target.elementType, "\(source.elementType) converted to itself")
    cpu.convert(source, into: target)
  }
  func widenHalves(_ source: Tensor, into target: Tensor) { cpu.widenHalves(source, into: target) }
  func isFinite(_ x: Tensor) -> Bool {
    count { $0.other += 1 }
    return cpu.isFinite(x)
  }
  func split(_ source: Tensor, upper: Tensor, lower: Tensor) { cpu.split(source, upper: upper, lower: lower) }
  func join(upper: Tensor, lower: Tensor, into target: Tensor) { cpu.join(upper: upper, lower: lower, into: target) }

  func drop(_ source: Tensor, _ mask: DropoutMask, into target: Tensor) { cpu.drop(source, mask, into: target) }
  func addKept(_ source: Tensor, _ mask: DropoutMask, to target: Tensor) {
    into(target, isChanged: true) { cpu.addKept(wide(source), mask, to: $0) }
  }
  func scale(_ x: Tensor, by factor: Float) { into(x, isChanged: true) { cpu.scale($0, by: factor) } }
  func add(_ a: Tensor, _ b: Tensor, into target: Tensor) { into(target) { cpu.add(wide(a), wide(b), into: $0) } }
  func copyRows(of source: Tensor, _ sourceRows: [Int], to target: Tensor, _ targetRows: [Int]) {
    into(target, isChanged: true) { cpu.copyRows(of: wide(source), sourceRows, to: $0, targetRows) }
  }
  func addRows(of source: Tensor, scale: Float, to target: Tensor, _ rows: [Int]) {
    into(target, isChanged: true) { cpu.addRows(of: wide(source), scale: scale, to: $0, rows) }
  }
  func embedding(_ ids: [Int], _ table: Tensor, scale: Float, into out: Tensor) {
    cpu.embedding(ids, table, scale: scale, into: out)
  }
  func extractPatches(_ images: Tensor, count: Int, channels: Int, size: Int, patchSize: Int, into out: Tensor) {
    cpu.extractPatches(images, count: count, channels: channels, size: size, patchSize: patchSize, into: out)
  }

  func gelu(_ x: Tensor, _ kind: GELUKind, into out: Tensor) { into(out) { cpu.gelu(wide(x), kind, into: $0) } }
  func geluBackward(_ x: Tensor, _ dout: Tensor, _ kind: GELUKind, into dx: Tensor) {
    into(dx) { cpu.geluBackward(wide(x), wide(dout), kind, into: $0) }
  }
  func gatedGELU(gate: Tensor, up: Tensor, into out: Tensor) {
    into(out) { cpu.gatedGELU(gate: wide(gate), up: wide(up), into: $0) }
  }
  func gatedGELUBackward(gate: Tensor, up: Tensor, _ dout: Tensor, dgate: Tensor, dup: Tensor) {
    into(dgate) { dgate in
      into(dup) { cpu.gatedGELUBackward(gate: wide(gate), up: wide(up), wide(dout), dgate: dgate, dup: $0) }
    }
  }

  func l2Normalize(_ x: Tensor, into out: Tensor, inverses: Tensor) {
    into(out) { cpu.l2Normalize(wide(x), into: $0, inverses: inverses) }
  }
  func l2NormalizeBackward(_ result: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor) {
    into(dx) { cpu.l2NormalizeBackward(wide(result), inverses: inverses, wide(dout), into: $0) }
  }
  func layerNorm(
    _ x: Tensor, gain: Tensor, shift: Tensor, epsilon: Float, into out: Tensor, means: Tensor, inverses: Tensor
  ) {
    into(out) {
      cpu.layerNorm(wide(x), gain: gain, shift: shift, epsilon: epsilon, into: $0, means: means, inverses: inverses)
    }
  }
  func layerNormBackward(
    _ x: Tensor, gain: Tensor, means: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?,
    dshift: Tensor?
  ) {
    into(dx) {
      cpu.layerNormBackward(
        wide(x), gain: gain, means: means, inverses: inverses, wide(dout), into: $0, dgain: dgain, dshift: dshift)
    }
  }
  func rmsNorm(_ x: Tensor, gain: Tensor, epsilon: Float, into out: Tensor, inverses: Tensor) {
    into(out) { cpu.rmsNorm(wide(x), gain: gain, epsilon: epsilon, into: $0, inverses: inverses) }
  }
  func rmsNormBackward(
    _ x: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?
  ) {
    into(dx) { cpu.rmsNormBackward(wide(x), gain: gain, inverses: inverses, wide(dout), into: $0, dgain: dgain) }
  }
  func rotate(_ source: Tensor, table: RotaryTable, positions: [Int32], direction: Float, into target: Tensor) {
    into(target) { cpu.rotate(wide(source), table: table, positions: positions, direction: direction, into: $0) }
  }

  func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, products: ElementType, into out: Tensor,
    keepsStatistics: Bool
  ) -> Tensor? {
    into(out) {
      cpu.attention(
        wide(q), wide(k), wide(v), layout, products: products, into: $0, keepsStatistics: keepsStatistics)
    }
    return nil
  }
  func attentionBackward(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, products: ElementType, out: Tensor?,
    statistics: Tensor?, _ dout: Tensor, dq: Tensor, dk: Tensor, dv: Tensor
  ) {
    into(dq) { dq in
      into(dk) { dk in
        into(dv) {
          cpu.attentionBackward(
            wide(q), wide(k), wide(v), layout, products: products, out: nil, statistics: nil, wide(dout), dq: dq,
            dk: dk, dv: $0)
        }
      }
    }
  }

  func crossEntropy(_ logits: Tensor, targets: ArraySlice<Int32>, scale: Float, losses: Tensor) {
    cpu.crossEntropy(logits, targets: targets, scale: scale, losses: losses)
  }
  func smoothedCrossEntropy(
    _ logits: Tensor, targets: ArraySlice<Int32>, scale: Float, smoothing: Float, losses: Tensor
  ) {
    cpu.smoothedCrossEntropy(logits, targets: targets, scale: scale, smoothing: smoothing, losses: losses)
  }
  func sigmoidContrast(
    _ similarities: Tensor, _ isPositive: [Bool], scale: Float, shift: Float, divisor: Float, logits: Tensor,
    slopes: Tensor
  ) -> (loss: Double, scaleSlope: Double, biasSlope: Double) {
    count { $0.other += 1 }
    return cpu.sigmoidContrast(
      similarities, isPositive, scale: scale, shift: shift, divisor: divisor, logits: logits, slopes: slopes)
  }
  func sigmoidContrast(
    _ similarities: Tensor, _ isPositive: [Bool], logScale: Tensor, bias: Tensor, divisor: Float, logits: Tensor,
    slopes: Tensor
  ) -> (loss: Tensor, scaleSlope: Tensor, biasSlope: Tensor) {
    func number(_ tensor: Tensor) -> Float { cpu.withHostBytes(of: tensor) { $0.load(as: Float.self) } }
    let sums = cpu.sigmoidContrast(
      similarities, isPositive, scale: exp(number(logScale)), shift: number(bias), divisor: divisor, logits: logits,
      slopes: slopes)
    func scalar(_ number: Double) -> Tensor { Tensor([Float(number)], shape: [1], on: self) }
    return (scalar(sums.loss / Double(divisor)), scalar(sums.scaleSlope), scalar(sums.biasSlope))
  }
  func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: Tensor, second: Tensor, _ constants: AdamWConstants,
    decay: Float, correction1: Float, correction2: Float
  ) {
    cpu.adamW(
      value, remainder: remainder, gradient: gradient, first: first, second: second, constants, decay: decay,
      correction1: correction1, correction2: correction2)
  }
  func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: (codes: Tensor, scales: Tensor),
    second: (codes: Tensor, scales: Tensor), _ constants: AdamWConstants, decay: Float, correction1: Float,
    correction2: Float
  ) {
    cpu.adamW(
      value, remainder: remainder, gradient: gradient, first: first, second: second, constants, decay: decay,
      correction1: correction1, correction2: correction2)
  }
  func sumOfSquares(_ x: Tensor) -> Double {
    count { $0.sums += 1 }
    return cpu.sumOfSquares(x)
  }
  func sumsOfSquares(_ tensors: [Tensor]) -> [Double] {
    count { $0.sums += 1 }
    return tensors.map(cpu.sumOfSquares)
  }

  func argmaxRows(_ logits: Tensor) -> [Int32] {
    count { $0.other += 1 }
    let own = Tensor(uninitialized: logits.shape, on: cpu)
    cpu.copy(logits, into: own)
    return cpu.argmaxRows(own)
  }

  func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, accumulate: Bool) {
    into(c, isChanged: accumulate) { cpu.multiply(a, b, into: $0, accumulate: accumulate) }
  }
  func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, scaledBy factor: Float) {
    into(c) { cpu.multiply(a, b, into: $0, scaledBy: factor) }
  }
  func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, epilogue: ProductEpilogue) -> Bool { false }
  func addBias(_ bias: Tensor, to target: Tensor) { into(target, isChanged: true) { cpu.addBias(bias, to: $0) } }
  func addColumnSums(_ x: Tensor, to target: Tensor) { cpu.addColumnSums(wide(x), to: target) }
  func frozenFactor() -> any FrozenFactor { NoFrozenFactor() }
  func quantized(_ matrix: Tensor, columnFactors: Tensor?) -> any QuantizedFactor {
    preconditionFailure("no products of bytes")
  }
  func columnFactors(of matrices: [Tensor]) -> Tensor { preconditionFailure("no products of bytes") }
  func byteRows(_ x: Tensor, activation: GELUKind?, factors: Tensor?) -> ByteRows {
    preconditionFailure("no products of bytes")
  }
  func gatedByteRows(gate: Tensor, up: Tensor, factors: Tensor?, rounded: Tensor?) -> ByteRows {
    preconditionFailure("no products of bytes")
  }
  func gatedByteGradients(
    gate: Tensor, up: Tensor, _ dout: Tensor, factors: (gate: Tensor, up: Tensor),
    rounded: (gate: Tensor?, up: Tensor?)
  ) -> (gate: ByteRows, up: ByteRows) { preconditionFailure("no products of bytes") }
  func quantized(rows: Int, columns: Int, storage: Storage) -> any QuantizedFactor {
    preconditionFailure("no products of bytes")
  }
  var supportsByteProducts: Bool { false }
  var multipliesInProducts: Bool { false }
  var addsBiasInProducts: Bool { true }
  var packsFactors: Bool { false }
  func preparesProducts(_ type: ElementType) -> Bool { false }
  var mostFewRows: Int { 0 }
  var addsGradientsInProducts: Bool { activations == .bfloat16 }
}

/// Nothing is kept of a matrix.
private final class NoFrozenFactor: FrozenFactor {
  var packsWhenRepeated = false, multipliesBytes = false
  var isPacked: Bool { false }
  var quantized: (any QuantizedFactor)? { nil }
  func quantize(_ matrix: Tensor, columnFactors: Tensor?) { preconditionFailure("no products of bytes") }
  func take(_ quantized: any QuantizedFactor) { preconditionFailure("no products of bytes") }
  func forget() {}
  func multiply(
    _ a: MatrixFactor, _ matrix: Tensor, isForward: Bool, into c: Tensor, epilogue: ProductEpilogue
  ) -> Bool { false }
}
