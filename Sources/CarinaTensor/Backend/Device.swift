import CarinaRuntime

/// Where a program computes: chosen once, when it starts, and handed to whatever loads or makes a model.
///
///     let device = try Device.processor(products: .onednn)
///     let model = try AnsweringModel.load(checkpoint: path, precision: .bfloat16, on: device)
public struct Device: Sendable, CustomStringConvertible {
  /// What computes.
  package let backend: any Backend
  /// Why it was taken where nobody named it; nil where somebody did.
  private var reason: String?

  /// A device of any backend.
  package init(_ backend: any Backend) { self.backend = backend }

  /// The processor.
  /// - Parameter products: the library of matrix products; nil for tile registers where the processor has them,
  ///   oneDNN where it has not.
  /// - Throws: `CarinaError.usage` when the library cannot be started.
  public static func processor(products: MatrixProductChoice? = nil) throws -> Device {
    Device(try products.map { try CPUBackend($0) } ?? CPUBackend())
  }

  /// The same device, taken for a reason where the choice was left open; `description` has it.
  public func chosen(because reason: String) -> Device {
    var device = self
    device.reason = reason
    return device
  }

  /// For the header of a run: the processor with its library of products or a card, and why where the choice was left
  /// open.
  public var description: String {
    name + (reason.map { " (\(DeviceChoice.automatic): \($0))" } ?? "")
  }

  /// The processor with its library of products, or a card.
  package var name: String { backend.deviceName ?? "processor, \(productName)" }
  /// Whether the processor computes, in the host's memory.
  public var isProcessor: Bool { backend.deviceName == nil }

  /// Waits until everything that was asked for is computed.
  /// - Throws: what a library reported.
  public func synchronize() throws {
    backend.finish()
    try backend.throwFailure()
  }

  /// The library of matrix products with its version.
  public var productName: String { backend.productName }
  /// Whether weights in 8 bits can be multiplied.
  public var multipliesBytes: Bool { backend.supportsByteProducts }
  /// The most bytes that tensors took at any moment.
  public var peakByteCount: Int { backend.memoryUsage.peak }
}
