/// The kernels' sources, as they were built in.
enum KernelSources {
  /// The text of a module: what every file begins with, then the file.
  static func text(_ file: String) -> String? {
    let bytes: [UInt8]? =
      switch file {
      case "elementwise": PackageResources.elementwise_cu
      case "norms": PackageResources.norms_cu
      case "rows": PackageResources.rows_cu
      case "losses": PackageResources.losses_cu
      case "optimizer": PackageResources.optimizer_cu
      case "attention": PackageResources.attention_cu
      case "attention_float": PackageResources.attention_float_cu
      case "attention_hopper": PackageResources.attention_hopper_cu
      case "decoding": PackageResources.decoding_cu
      default: nil
      }
    return bytes.map { String(decoding: PackageResources.prelude_cuh + $0, as: UTF8.self) }
  }
}
