import Carina
import TestSupport
import Testing

/// The card that tests share, and tensors of the same numbers on it and on the processor.
enum CUDATwin {
  /// The card; tests that are enabled where `CUDATestDevice.isPresent` have one.
  static let card: Result<CUDABackend, any Error> = Result {
    try CUDABackend(index: CUDATestDevice.survey.devices.first?.index ?? 0, activations: .bfloat16)
  }
  static let types: [ElementType] = [.float32, .bfloat16]

  /// Numbers in `type` on the card, and the same as fp32 on the processor.
  struct Pair {
    let card: Tensor, host: Tensor
  }

  /// fp32 numbers on the processor, drawn evenly from `range`.
  static func random(_ shape: [Int], seed: UInt64, in range: Range<Double> = -1..<1) -> Tensor {
    var generator = SeededGenerator(seed: seed, stream: "test tensor")
    return Tensor(
      (0..<shape.reduce(1, *)).map { _ in Float(generator.uniform(in: range)) }, shape: shape, on: TestBackend.cpu)
  }

  /// Random numbers, the same for the same seed and shape.
  /// - Parameter offset: how many numbers of other tensors' memory lie before the card's.
  static func pair(
    _ shape: [Int], _ type: ElementType = .float32, seed: UInt64, in range: Range<Double> = -1..<1, offset: Int = 0
  ) throws -> Pair {
    let narrow = CUDATwin.random(shape, seed: seed, in: range).converted(to: type)
    return Pair(card: try onCard(narrow, offset: offset), host: narrow.converted(to: .float32))
  }

  /// A copy on the card.
  static func onCard(_ tensor: Tensor, offset: Int = 0) throws -> Tensor {
    let card = try card.get()
    let whole = Tensor([tensor.count + offset], elementType: tensor.elementType, on: card) { bytes in
      bytes.initializeMemory(as: UInt8.self, repeating: 0xff)
      tensor.withHostBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: bytes[(offset * tensor.elementType.byteCount)...])
          .copyMemory(from: source)
      }
    }
    return whole.elementSlice(offset..<whole.count).reshaped(tensor.shape)
  }

  /// Memory on the card whose numbers are all NaN.
  static func unset(_ shape: [Int], _ type: ElementType = .float32, offset: Int = 0) throws -> Tensor {
    try onCard(
      Tensor([Float](repeating: .nan, count: shape.reduce(1, *)), shape: shape, on: TestBackend.cpu).converted(
        to: type), offset: offset)
  }

  /// A copy on the processor.
  static func onHost(_ tensor: Tensor) -> Tensor {
    tensor.withHostBytes { source in
      Tensor(tensor.shape, elementType: tensor.elementType, on: TestBackend.cpu) { $0.copyMemory(from: source) }
    }
  }

  /// Expects the card's numbers to be the processor's, as closely as their type can be.
  static func expectAgree(
    _ card: Tensor, _ host: Tensor, relative: Double = 1e-5, _ label: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let found = onHost(card).converted(to: .float32)
    if card.elementType == .bfloat16 {
      let largest = host.doubles.reduce(0) { max($0, abs($1)) }
      expectClose(
        // Fast functions are exact to 2⁻¹¹ of 1, which shows where their difference from 1 is what counts.
        found, host, relative: 4.5e-3, absolute: max(1.5e-3 * largest, 1e-6), scale: .element, label,
        sourceLocation: sourceLocation)
    } else {
      expectClose(found, host, relative: relative, absolute: 1e-9, label, sourceLocation: sourceLocation)
    }
  }

  /// Throws what the card reported.
  static func expectNoFailure() throws { try card.get().throwFailure() }
}
