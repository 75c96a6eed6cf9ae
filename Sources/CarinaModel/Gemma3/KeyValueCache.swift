import CarinaTensor

/// Keys and values of earlier positions, a layer and sequence at a time, for decoding.
///
/// Global layers keep every position. Local layers keep a ring of as many as their window, so memory stops growing
/// there.
package final class KeyValueCache {
  /// Positions seen so far, for each sequence.
  package private(set) var lengths: [Int]
  /// The most positions that a sequence may reach.
  package let capacity: Int
  private let backend: any Backend
  /// Rows that a layer keeps of each sequence.
  private let slots: [Int]
  private let keys: [Tensor], values: [Tensor]
  private let width: Int
  /// Rows of a pass and where they go, of layers with so many slots: the same arrays for all of these.
  private var rowsOfPass: [Int: (counts: [Int], sources: [Int], targets: [Int])] = [:]

  /// Room for `sequenceCount` sequences of up to `capacity` positions.
  package init(_ config: DecoderConfig, sequenceCount: Int, capacity: Int, on backend: any Backend) {
    lengths = [Int](repeating: 0, count: sequenceCount)
    self.capacity = capacity
    self.backend = backend
    width = config.keyValueHeadCount * config.headSize
    slots = config.layerIsLocal.map { $0 ? min(config.window, capacity) : capacity }
    func memory(_ slots: Int) -> Tensor {
      Tensor(
        uninitialized: [sequenceCount * slots, config.keyValueHeadCount * config.headSize],
        elementType: backend.activations, on: backend)
    }
    keys = slots.map(memory)
    values = slots.map(memory)
  }

  /// What a `TokenDecoder` reads of the blocks, made for the first token after the prompts.
  package internal(set) var decodingWeights: [DecoderBlockWeights]?

  /// Whether nothing has been stored.
  package var isEmpty: Bool { lengths.allSatisfy { $0 == 0 } }

  /// Counts the positions of a pass once all layers have stored theirs.
  func advance(_ counts: [Int]) {
    rowsOfPass = [:]
    for (sequence, count) in counts.enumerated() { lengths[sequence] += count }
  }

  /// Stores a layer's new keys and values [R, K·E], packed by sequence, behind the positions that `lengths` counts.
  func store(layer: Int, keys newKeys: Tensor, values newValues: Tensor, counts: [Int]) {
    let rows = storedRows(counts, layer)
    backend.copyRows(of: newKeys, rows.sources, to: keys[layer], rows.targets)
    backend.copyRows(of: newValues, rows.sources, to: values[layer], rows.targets)
  }

  private func storedRows(_ counts: [Int], _ layer: Int) -> (sources: [Int], targets: [Int]) {
    if let rows = rowsOfPass[slots[layer]], rows.counts == counts { return (rows.sources, rows.targets) }
    var source = 0, sources: [Int] = [], targets: [Int] = []
    for (sequence, count) in counts.enumerated() {
      precondition(lengths[sequence] + count <= capacity, "the cache of \(capacity) positions is full")
      for row in max(0, count - slots[layer])..<max(count, 0) {
        sources.append(source + row)
        targets.append(self.row(of: lengths[sequence] + row, sequence, layer))
      }
      source += count
    }
    rowsOfPass[slots[layer]] = (counts, sources, targets)
    return (sources, targets)
  }

  /// Row of a layer's memory in which a position of a sequence stands.
  private func row(of position: Int, _ sequence: Int, _ layer: Int) -> Int {
    sequence * slots[layer] + position % slots[layer]
  }

  /// Rows of a layer's memory in which one new position of each sequence is to stand.
  func nextRows(layer: Int) -> [Int] { storedRows(lengths.map { _ in 1 }, layer).targets }

  /// What one new position of each sequence sees after `store`: the layer's whole memory and where each sequence's part
  /// lies. In a ring the order is not that of positions, which attention without a mask does not mind.
  func stored(layer: Int) -> (keys: Tensor, values: Tensor, starts: [Int], counts: [Int]) {
    (
      keys[layer], values[layer], lengths.indices.map { $0 * slots[layer] },
      lengths.map { min($0 + 1, slots[layer]) }
    )
  }

  /// Stored positions in order followed by new ones, packed by sequence, for a pass of several positions over a cache
  /// in use.
  func joined(layer: Int, keys newKeys: Tensor, values newValues: Tensor, counts: [Int]) -> (
    keys: Tensor, values: Tensor, counts: [Int]
  ) {
    let kept = lengths.map { min($0, slots[layer]) }
    let total = zip(kept, counts).map { $0 + $1 }
    var next = 0, source = 0
    var stored = (sources: [Int](), targets: [Int]()), fresh = (sources: [Int](), targets: [Int]())
    for sequence in counts.indices {
      for index in 0..<kept[sequence] {
        stored.sources.append(row(of: lengths[sequence] - kept[sequence] + index, sequence, layer))
        stored.targets.append(next + index)
      }
      fresh.sources += source..<source + counts[sequence]
      fresh.targets += next + kept[sequence]..<next + total[sequence]
      next += total[sequence]
      source += counts[sequence]
    }
    func join(_ old: Tensor, _ new: Tensor) -> Tensor {
      let all = Tensor(uninitialized: [next, width], elementType: old.elementType, on: backend)
      backend.copyRows(of: old, stored.sources, to: all, stored.targets)
      backend.copyRows(of: new, fresh.sources, to: all, fresh.targets)
      return all
    }
    return (join(keys[layer], newKeys), join(values[layer], newValues), total)
  }

  /// Keeps only some sequences, in the given order (when others have ended, or beams are reordered).
  package func keep(_ sequences: [Int]) -> KeyValueCache {
    KeyValueCache(copying: self, sequences)
  }

  private init(copying other: KeyValueCache, _ sequences: [Int]) {
    lengths = sequences.map { other.lengths[$0] }
    capacity = other.capacity
    backend = other.backend
    slots = other.slots
    width = other.width
    func gather(_ tensors: [Tensor]) -> [Tensor] {
      zip(tensors, other.slots).map { tensor, slots in
        let target = Tensor(
          uninitialized: [sequences.count * slots, other.width], elementType: tensor.elementType, on: other.backend)
        for (index, sequence) in sequences.enumerated() {
          // One copy for the rows in use, which lie one after the other.
          let used = min(other.lengths[sequence], slots)
          other.backend.copy(
            tensor.rowSlice(sequence * slots..<sequence * slots + used),
            into: target.rowSlice(index * slots..<index * slots + used))
        }
        return target
      }
    }
    keys = gather(other.keys)
    values = gather(other.values)
  }
}
