import Carina
import Foundation

/// A backend that computes as the processor does, in memory of its own that nobody may touch but while one of its primitives or the
/// accessor runs: the pages are protected in between, so that a touch past the backend kills the process.
// Unchecked: the lock guards everything that changes.
final class ProtectedBackend: Backend, @unchecked Sendable {
  private let cpu: CPUBackend
  private let start: UnsafeMutableRawPointer
  private let lock = NSLock()
  private var used = 0, inUse = 0, depth = 0
  private var free: [Int: [UnsafeMutableRawPointer]] = [:]
  private static let size = 1 << 31, page = 1 << 16

  /// Reserves addresses; memory comes with the first touch.
  init?(_ cpu: CPUBackend) {
    self.cpu = cpu
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let start = mmap(nil, Self.size, PROT_NONE, flags, -1, 0), start != MAP_FAILED else { return nil }
    self.start = start
  }

  deinit { munmap(start, Self.size) }

  /// Whether the host could read a tensor's first byte at this moment; asked of the system, which answers instead of killing.
  func isReadable(_ tensor: Tensor) -> Bool {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return false }
    defer { for end in ends { close(end) } }
    return write(ends[1], tensor.storage.address + tensor.byteOffset, 1) == 1
  }

  /// Runs a primitive with the memory open.
  func open<Result>(_ body: () throws -> Result) rethrows -> Result {
    lock.withLock {
      if depth == 0 { mprotect(start, used, PROT_READ | PROT_WRITE) }
      depth += 1
    }
    defer {
      lock.withLock {
        depth -= 1
        if depth == 0 { mprotect(start, used, PROT_NONE) }
      }
    }
    return try body()
  }

  // Memory.

  func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let size = MemoryPool.sizeClass(byteCount)
    return lock.withLock {
      inUse += size
      if let address = free[size]?.popLast() { return address }
      let address = start + used
      used += (size + Self.page - 1) / Self.page * Self.page
      precondition(used <= Self.size, "the test takes more memory than it was given")
      if depth > 0 { mprotect(start, used, PROT_READ | PROT_WRITE) }
      return address
    }
  }

  func release(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    let size = MemoryPool.sizeClass(byteCount)
    lock.withLock {
      inUse -= size
      free[size, default: []].append(address)
    }
  }

  func adopt(_ bytes: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) -> Storage {
    let storage = Storage(byteCount: byteCount, on: self)
    open { storage.address.copyMemory(from: bytes, byteCount: byteCount) }
    return storage
  }

  func withHostBytes<Result>(of tensor: Tensor, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try open { try cpu.withHostBytes(of: tensor, body) }
  }
  func fill<Result>(_ tensor: Tensor, _ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result {
    try open { try cpu.fill(tensor, body) }
  }
  func fillWithZeros(_ tensor: Tensor) { open { cpu.fillWithZeros(tensor) } }
  func copy(_ source: Tensor, into target: Tensor) { open { cpu.copy(source, into: target) } }
  var memoryUsage: (inUse: Int, peak: Int, reserved: Int) { lock.withLock { (inUse, used, used) } }
  func trimMemory() {}

  // Everything else is the processor's.

  var productName: String { cpu.productName }
  var packsFactors: Bool { cpu.packsFactors }
  func preparesProducts(_ type: ElementType) -> Bool { cpu.preparesProducts(type) }
  var mostFewRows: Int { cpu.mostFewRows }
  func decoding<Result>(rows: Int, _ body: () -> Result) -> Result { cpu.decoding(rows: rows, body) }
  func throwFailure() throws { try cpu.throwFailure() }

  func convert(_ source: Tensor, into target: Tensor) { open { cpu.convert(source, into: target) } }
  func widenHalves(_ source: Tensor, into target: Tensor) { open { cpu.widenHalves(source, into: target) } }
  func isFinite(_ x: Tensor) -> Bool { open { cpu.isFinite(x) } }
  func split(_ source: Tensor, upper: Tensor, lower: Tensor) { open { cpu.split(source, upper: upper, lower: lower) } }
  func join(upper: Tensor, lower: Tensor, into target: Tensor) {
    open { cpu.join(upper: upper, lower: lower, into: target) }
  }

  func drop(_ source: Tensor, _ mask: DropoutMask, into target: Tensor) {
    open { cpu.drop(source, mask, into: target) }
  }
  func addKept(_ source: Tensor, _ mask: DropoutMask, to target: Tensor) {
    open { cpu.addKept(source, mask, to: target) }
  }
  func scale(_ x: Tensor, by factor: Float) { open { cpu.scale(x, by: factor) } }
  func add(_ a: Tensor, _ b: Tensor, into target: Tensor) { open { cpu.add(a, b, into: target) } }
  func copyRows(of source: Tensor, _ sourceRows: [Int], to target: Tensor, _ targetRows: [Int]) {
    open { cpu.copyRows(of: source, sourceRows, to: target, targetRows) }
  }
  func addRows(of source: Tensor, scale: Float, to target: Tensor, _ rows: [Int]) {
    open { cpu.addRows(of: source, scale: scale, to: target, rows) }
  }
  func embedding(_ ids: [Int], _ table: Tensor, scale: Float, into out: Tensor) {
    open { cpu.embedding(ids, table, scale: scale, into: out) }
  }
  func extractPatches(_ images: Tensor, count: Int, channels: Int, size: Int, patchSize: Int, into out: Tensor) {
    open {
      cpu.extractPatches(images, count: count, channels: channels, size: size, patchSize: patchSize, into: out)
    }
  }

  func gelu(_ x: Tensor, _ kind: GELUKind, into out: Tensor) { open { cpu.gelu(x, kind, into: out) } }
  func geluBackward(_ x: Tensor, _ dout: Tensor, _ kind: GELUKind, into dx: Tensor) {
    open { cpu.geluBackward(x, dout, kind, into: dx) }
  }
  func gatedGELU(gate: Tensor, up: Tensor, into out: Tensor) { open { cpu.gatedGELU(gate: gate, up: up, into: out) } }
  func gatedGELUBackward(gate: Tensor, up: Tensor, _ dout: Tensor, dgate: Tensor, dup: Tensor) {
    open { cpu.gatedGELUBackward(gate: gate, up: up, dout, dgate: dgate, dup: dup) }
  }

  func l2Normalize(_ x: Tensor, into out: Tensor, inverses: Tensor) {
    open { cpu.l2Normalize(x, into: out, inverses: inverses) }
  }
  func l2NormalizeBackward(_ result: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor) {
    open { cpu.l2NormalizeBackward(result, inverses: inverses, dout, into: dx) }
  }
  func layerNorm(
    _ x: Tensor, gain: Tensor, shift: Tensor, epsilon: Float, into out: Tensor, means: Tensor, inverses: Tensor
  ) {
    open { cpu.layerNorm(x, gain: gain, shift: shift, epsilon: epsilon, into: out, means: means, inverses: inverses) }
  }
  func layerNormBackward(
    _ x: Tensor, gain: Tensor, means: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?,
    dshift: Tensor?
  ) {
    open {
      cpu.layerNormBackward(
        x, gain: gain, means: means, inverses: inverses, dout, into: dx, dgain: dgain, dshift: dshift)
    }
  }
  func rmsNorm(_ x: Tensor, gain: Tensor, epsilon: Float, into out: Tensor, inverses: Tensor) {
    open { cpu.rmsNorm(x, gain: gain, epsilon: epsilon, into: out, inverses: inverses) }
  }
  func rmsNormBackward(
    _ x: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?
  ) {
    open { cpu.rmsNormBackward(x, gain: gain, inverses: inverses, dout, into: dx, dgain: dgain) }
  }
  func rotate(_ source: Tensor, table: RotaryTable, positions: [Int32], direction: Float, into target: Tensor) {
    open { cpu.rotate(source, table: table, positions: positions, direction: direction, into: target) }
  }

  func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, products: ElementType, into out: Tensor,
    keepsStatistics: Bool
  ) -> Tensor? {
    open { cpu.attention(q, k, v, layout, products: products, into: out, keepsStatistics: keepsStatistics) }
  }
  func attentionBackward(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, products: ElementType, out: Tensor?,
    statistics: Tensor?, _ dout: Tensor, dq: Tensor, dk: Tensor, dv: Tensor
  ) {
    open {
      cpu.attentionBackward(
        q, k, v, layout, products: products, out: out, statistics: statistics, dout, dq: dq, dk: dk, dv: dv)
    }
  }

  func crossEntropy(_ logits: Tensor, targets: ArraySlice<Int32>, scale: Float, losses: Tensor) {
    open { cpu.crossEntropy(logits, targets: targets, scale: scale, losses: losses) }
  }
  func smoothedCrossEntropy(
    _ logits: Tensor, targets: ArraySlice<Int32>, scale: Float, smoothing: Float, losses: Tensor
  ) {
    open {
      cpu.smoothedCrossEntropy(logits, targets: targets, scale: scale, smoothing: smoothing, losses: losses)
    }
  }
  func sigmoidContrast(
    _ similarities: Tensor, _ isPositive: [Bool], scale: Float, shift: Float, divisor: Float, logits: Tensor,
    slopes: Tensor
  ) -> (loss: Double, scaleSlope: Double, biasSlope: Double) {
    open {
      cpu.sigmoidContrast(
        similarities, isPositive, scale: scale, shift: shift, divisor: divisor, logits: logits, slopes: slopes)
    }
  }
  func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: Tensor, second: Tensor, _ constants: AdamWConstants,
    decay: Float, correction1: Float, correction2: Float
  ) {
    open {
      cpu.adamW(
        value, remainder: remainder, gradient: gradient, first: first, second: second, constants, decay: decay,
        correction1: correction1, correction2: correction2)
    }
  }
  func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: (codes: Tensor, scales: Tensor),
    second: (codes: Tensor, scales: Tensor), _ constants: AdamWConstants, decay: Float, correction1: Float,
    correction2: Float
  ) {
    open {
      cpu.adamW(
        value, remainder: remainder, gradient: gradient, first: first, second: second, constants, decay: decay,
        correction1: correction1, correction2: correction2)
    }
  }
  func sumOfSquares(_ x: Tensor) -> Double { open { cpu.sumOfSquares(x) } }

  func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, accumulate: Bool) {
    open { cpu.multiply(a, b, into: c, accumulate: accumulate) }
  }
  func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, scaledBy factor: Float) {
    open { cpu.multiply(a, b, into: c, scaledBy: factor) }
  }
  func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, epilogue: ProductEpilogue) -> Bool {
    open { cpu.multiply(a, b, into: c, epilogue: epilogue) }
  }
  func addBias(_ bias: Tensor, to target: Tensor) { open { cpu.addBias(bias, to: target) } }
  func addColumnSums(_ x: Tensor, to target: Tensor) { open { cpu.addColumnSums(x, to: target) } }
  func frozenFactor() -> any FrozenFactor { ProtectedFactor(cpu.frozenFactor(), of: self) }
  func quantized(_ matrix: Tensor, columnFactors: Tensor?) -> any QuantizedFactor {
    ProtectedQuantizedFactor(open { cpu.quantized(matrix, columnFactors: columnFactors) }, of: self)
  }
  func columnFactors(of matrices: [Tensor]) -> Tensor { open { cpu.columnFactors(of: matrices) } }
  func byteRows(_ x: Tensor, activation: GELUKind?, factors: Tensor?) -> ByteRows {
    open { cpu.byteRows(x, activation: activation, factors: factors) }
  }
  func gatedByteRows(gate: Tensor, up: Tensor, factors: Tensor?, rounded: Tensor?) -> ByteRows {
    open { cpu.gatedByteRows(gate: gate, up: up, factors: factors, rounded: rounded) }
  }
  func gatedByteGradients(
    gate: Tensor, up: Tensor, _ dout: Tensor, factors: (gate: Tensor, up: Tensor),
    rounded: (gate: Tensor?, up: Tensor?)
  ) -> (gate: ByteRows, up: ByteRows) {
    open { cpu.gatedByteGradients(gate: gate, up: up, dout, factors: factors, rounded: rounded) }
  }
  func quantized(rows: Int, columns: Int, storage: Storage) -> any QuantizedFactor {
    ProtectedQuantizedFactor(open { cpu.quantized(rows: rows, columns: columns, storage: storage) }, of: self)
  }
}

/// What the processor keeps of a frozen matrix, asked with the memory open.
private final class ProtectedFactor: FrozenFactor {
  private let base: any FrozenFactor
  private let backend: ProtectedBackend
  private(set) var quantized: (any QuantizedFactor)?
  var multipliesBytes = false
  var packsWhenRepeated: Bool {
    get { base.packsWhenRepeated }
    set { base.packsWhenRepeated = newValue }
  }

  var isPacked: Bool { base.isPacked }

  init(_ base: any FrozenFactor, of backend: ProtectedBackend) {
    self.base = base
    self.backend = backend
  }

  func quantize(_ matrix: Tensor, columnFactors: Tensor?) {
    quantized = backend.quantized(matrix, columnFactors: columnFactors)
  }
  func take(_ quantized: any QuantizedFactor) { self.quantized = quantized }
  func forget() {
    quantized = nil
    base.forget()
  }
  func multiply(
    _ a: MatrixFactor, _ matrix: Tensor, isForward: Bool, into c: Tensor, epilogue: ProductEpilogue
  ) -> Bool {
    backend.open { base.multiply(a, matrix, isForward: isForward, into: c, epilogue: epilogue) }
  }
}

/// A matrix in 8 bits, asked with the memory open.
private final class ProtectedQuantizedFactor: QuantizedFactor {
  private let base: any QuantizedFactor
  private let backend: ProtectedBackend
  var storage: Storage { base.storage }
  var byteCount: Int { base.byteCount }
  var columnFactors: Tensor? { base.columnFactors }

  init(_ base: any QuantizedFactor, of backend: ProtectedBackend) {
    self.base = base
    self.backend = backend
  }

  func product(_ x: Tensor) -> Tensor { backend.open { base.product(x) } }
  func multiply(_ x: ByteRows, bias: Tensor?, summand: Tensor?, into c: Tensor) {
    backend.open { base.multiply(x, bias: bias, summand: summand, into: c) }
  }
  var rowFactors: Tensor { base.rowFactors }
  func gradientRows(_ gradient: Tensor) -> ByteRows { backend.open { base.gradientRows(gradient) } }
  func multiplyBack(_ gradient: ByteRows, adds: Bool, into dx: Tensor) {
    backend.open { base.multiplyBack(gradient, adds: adds, into: dx) }
  }
  func candidates(_ x: Tensor, products: Tensor, row: Int) -> [Int] {
    backend.open { base.candidates(x, products: products, row: row) }
  }
}
