/// The kernels' sources, as they were built in.
enum KernelSources {
  /// The text of a module: what every file begins with, then the file, each with the headers that it names in their lines'
  /// stead. So one text is compiled and decides under which name the result is kept. Nil for a file that is not there.
  static func text(_ file: String) -> String? {
    guard let prelude = whole("prelude.cuh"), let own = whole("\(file).cu") else { return nil }
    return prelude + own
  }

  /// A file with its headers. None is included twice.
  private static func whole(_ name: String) -> String? {
    guard let bytes = bytes(name) else { return nil }
    var text = ""
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) {
      let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
      if parts.count == 3, parts[0] == "#include " {
        guard let header = whole(String(parts[1])) else { return nil }
        text += header
      } else {
        text += line + "\n"
      }
    }
    return text
  }

  private static func bytes(_ name: String) -> [UInt8]? {
    switch name {
    case "prelude.cuh": PackageResources.prelude_cuh
    case "row_teams.cuh": PackageResources.row_teams_cuh
    case "attention_blocks.cuh": PackageResources.attention_blocks_cuh
    case "attention_tiles.cuh": PackageResources.attention_tiles_cuh
    case "warpgroup_products.cuh": PackageResources.warpgroup_products_cuh
    case "elementwise.cu": PackageResources.elementwise_cu
    case "norms.cu": PackageResources.norms_cu
    case "fused_norms.cu": PackageResources.fused_norms_cu
    case "rows.cu": PackageResources.rows_cu
    case "losses.cu": PackageResources.losses_cu
    case "optimizer.cu": PackageResources.optimizer_cu
    case "attention.cu": PackageResources.attention_cu
    case "attention_backward_queries.cu": PackageResources.attention_backward_queries_cu
    case "attention_backward_keys.cu": PackageResources.attention_backward_keys_cu
    case "attention_float.cu": PackageResources.attention_float_cu
    case "attention_decoding.cu": PackageResources.attention_decoding_cu
    case "attention_hopper.cu": PackageResources.attention_hopper_cu
    case "decoding.cu": PackageResources.decoding_cu
    default: nil
    }
  }
}
