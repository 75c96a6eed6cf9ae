import CarinaTensor

// The layouts that frozen matrices are kept in beside or in place of their file.

extension MemoryForecast {
  /// Bytes of frozen matrices in the product library's own layout, which serves in both directions.
  static func packedByteCount(_ table: TensorTable, _ plan: Plan, most: Int = .max) -> Int {
    guard plan.precision == .bfloat16, plan.packsFactors, plan.packsFrozen else { return 0 }
    let count = table.rows.reduce(0) { $0 + ($1.isBlockMatrix ? Double($1.count) : 0) }
    return count <= Double(most) ? Int(min(2 * count, 1e15)) : 0
  }

  /// What will have been packed, for the run's header.
  public var packedCopies: String {
    let parts = [("language model", packedDecoder), ("vision encoder", packedVision)].filter { $0.1 > 0 }
    return parts.isEmpty
      ? (packsFrozen ? "none" : "none, as they would not fit into the memory")
      : parts.map { "\($0.0) \(MemoryForecast.text($0.1))" }.joined(separator: ", ")
  }

  /// Bytes of matrices in 8 bits for products of bytes, with the fp32 factors of their columns, which are the same of
  /// matrices that read the same rows.
  /// - Parameter packed: whether they lie in panels, as the vision encoder's do.
  package static func roundedByteCount(_ matricesByInput: [[[Int]]], packed: Bool = false) -> Int {
    matricesByInput.reduce(0) { sum, shapes in
      let factors = 4 * (shapes.first?.dropFirst().reduce(1, *) ?? 0)
      return sum + factors + shapes.reduce(0) { $0 + roundedByteCount($1, packed: packed) }
    }
  }

  /// Bytes of a matrix in 8 bits.
  package static func roundedByteCount(_ shape: [Int], packed: Bool = false) -> Int {
    let columns = shape.dropFirst().reduce(1, *)
    return packed
      ? BytePanels.byteCount(rows: shape[0], columns: columns, .standard)
      : QuantizedLayout(rows: shape[0], columns: columns).byteCount
  }
}
