/// Where a program computes: chosen once, when it starts, and handed to whatever loads or makes a model.
///
///     let device = try Device.processor(products: .onednn)
///     let model = try AnsweringModel.load(checkpoint: path, precision: .bfloat16, on: device)
public struct Device: Sendable {
  /// What computes.
  package let backend: any Backend

  /// A device of any backend.
  package init(_ backend: any Backend) { self.backend = backend }

  /// The processor.
  /// - Parameter products: the library of matrix products; nil for oneDNN where it can be started and OpenBLAS
  ///   otherwise.
  /// - Throws: `CarinaError.usage` when the library cannot be started.
  public static func processor(products: MatrixProductChoice? = nil) throws -> Device {
    Device(try products.map { try CPUBackend($0) } ?? CPUBackend())
  }

  /// The library of matrix products with its version.
  public var productName: String { backend.productName }
  /// Whether weights in 8 bits can be multiplied.
  public var multipliesBytes: Bool { backend.supportsByteProducts }
  /// The most bytes that tensors took at any moment.
  public var peakByteCount: Int { backend.memoryUsage.peak }
}
