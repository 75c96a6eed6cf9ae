import CarinaModel
import CarinaTensor

/// What the weights of a model will take in memory, from their files' headers: before any is read.
package struct WeightsFootprint: Equatable, Sendable {
  /// Bytes of the mapped files that are used in place, while nothing of them is trained; what is converted or copied
  /// leaves the memory.
  package var mapped = 0
  /// Bytes of weights that are kept converted, because the file has another type.
  package var copied = 0
  /// Bytes more while all of them are trained: those of `Parameter.trainedByteCount` that are not in `copied` already.
  package var trained = 0
  /// Bytes of `mapped` and `copied` that are given back where packed copies take their place.
  package var returnable = 0
  /// Bytes of the matrices of blocks that are given back where copies in 8 bits take their place.
  package var returnableBlocks = 0
  /// Bytes of `trained` that moments in 8 bits save.
  package var savedByEightBits = 0

  /// Nothing.
  package init() {}

  /// What the tensors of a table take, as far as the files hold them.
  /// - Parameter isCounted: whether a tensor counts, by the engine's name.
  init(
    _ table: TensorTable, in directory: WeightsDirectory, precision: ElementType,
    where isCounted: (String) -> Bool = { _ in true }
  ) {
    let rows = Dictionary(table.rows.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    let format = table.format.unwrapping(directory)
    for entry in directory.files.flatMap(\.entries) {
      guard let name = format.engineName(entry.name), let row = rows[name], isCounted(name) else { continue }
      let count = entry.shape.reduce(1, *)
      let type = row.elementType(precision: precision)
      let own = count * type.byteCount
      let isInPlace = entry.element == (type == .bfloat16 ? .bfloat16 : .float32)
      mapped += isInPlace ? entry.byteRange.count : 0
      copied += isInPlace ? 0 : own
      returnable += isInPlace || entry.element == .float32 ? own : 0
      // What is converted is made from the file again where it is needed again.
      let isRemade = isInPlace || entry.element == .float32 || entry.element == .bfloat16
      returnableBlocks += isRemade && row.isBlockMatrix ? own : 0
      guard !table.format.untrained.contains(where: { $0.matches(name) }) else { continue }
      trained += count * Parameter.trainedByteCount(type) - (isInPlace ? 0 : own)
      savedByEightBits += Parameter.byteCountSavedByEightBits(count)
    }
  }

  /// What the tensors of a table take that are made afresh.
  init(fresh table: TensorTable, precision: ElementType) {
    for row in table.rows {
      let type = row.elementType(precision: precision)
      copied += row.count * type.byteCount
      trained += row.count * (Parameter.trainedByteCount(type) - type.byteCount)
      savedByEightBits += Parameter.byteCountSavedByEightBits(row.count)
    }
  }
}
