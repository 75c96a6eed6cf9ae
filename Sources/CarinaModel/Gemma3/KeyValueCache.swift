import CarinaTensor

/// Keys and values of earlier positions, a layer and sequence at a time, for decoding.
///
/// Global layers keep every position. Local layers keep a ring of as many as their window, so memory stops growing there.
package final class KeyValueCache {
  /// Positions seen so far, for each sequence.
  package private(set) var lengths: [Int]
  /// The most positions that a sequence may reach.
  package let capacity: Int
  private let slots: [Int]
  private let keys: [Tensor], values: [Tensor]
  private let width: Int

  /// Room for `sequenceCount` sequences of up to `capacity` positions.
  package init(_ config: DecoderConfig, sequenceCount: Int, capacity: Int) {
    lengths = [Int](repeating: 0, count: sequenceCount)
    self.capacity = capacity
    width = config.keyValueHeadCount * config.headSize
    slots = config.layerIsLocal.map { $0 ? min(config.window, capacity) : capacity }
    keys = slots.map { [width] in Tensor(uninitialized: [sequenceCount * $0, width]) }
    values = slots.map { [width] in Tensor(uninitialized: [sequenceCount * $0, width]) }
  }

  /// Whether nothing has been stored.
  package var isEmpty: Bool { lengths.allSatisfy { $0 == 0 } }

  /// Counts the positions of a pass once all layers have stored theirs.
  func advance(_ counts: [Int]) { for (sequence, count) in counts.enumerated() { lengths[sequence] += count } }

  /// Stores a layer's new keys and values [R, K·E], packed by sequence, at the places after `lengths`.
  func store(layer: Int, keys newKeys: Tensor, values newValues: Tensor, counts: [Int]) {
    var source = 0
    for (sequence, count) in counts.enumerated() {
      precondition(lengths[sequence] + count <= capacity, "the cache of \(capacity) positions is full")
      for row in max(0, count - slots[layer])..<max(count, 0) {
        let place = sequence * slots[layer] + (lengths[sequence] + row) % slots[layer]
        (keys[layer].floats + place * width).update(from: newKeys.floats + (source + row) * width, count: width)
        (values[layer].floats + place * width).update(from: newValues.floats + (source + row) * width, count: width)
      }
      source += count
    }
  }

  /// What one new position of each sequence sees after `store`: the layer's whole memory and where each sequence's part lies.
  /// In a ring the order is not that of positions, which attention without a mask does not mind.
  func stored(layer: Int) -> (keys: Tensor, values: Tensor, starts: [Int], counts: [Int]) {
    (
      keys[layer], values[layer], lengths.indices.map { $0 * slots[layer] },
      lengths.map { min($0 + 1, slots[layer]) }
    )
  }

  /// Stored positions in order followed by new ones, packed by sequence, for a pass of several positions over a cache in use.
  func joined(layer: Int, keys newKeys: Tensor, values newValues: Tensor, counts: [Int]) -> (
    keys: Tensor, values: Tensor, counts: [Int]
  ) {
    let kept = lengths.map { min($0, slots[layer]) }
    let total = zip(kept, counts).map { $0 + $1 }
    let allKeys = Tensor(uninitialized: [total.reduce(0, +), width])
    let allValues = Tensor(uninitialized: [total.reduce(0, +), width])
    var target = 0, source = 0
    for sequence in counts.indices {
      for index in 0..<kept[sequence] {
        let place = sequence * slots[layer] + (lengths[sequence] - kept[sequence] + index) % slots[layer]
        (allKeys.floats + (target + index) * width).update(from: keys[layer].floats + place * width, count: width)
        (allValues.floats + (target + index) * width).update(from: values[layer].floats + place * width, count: width)
      }
      let fresh = counts[sequence] * width, after = (target + kept[sequence]) * width
      (allKeys.floats + after).update(from: newKeys.floats + source * width, count: fresh)
      (allValues.floats + after).update(from: newValues.floats + source * width, count: fresh)
      target += total[sequence]
      source += counts[sequence]
    }
    return (allKeys, allValues, total)
  }

  /// Keeps only some sequences, in the given order (when others have ended, or beams are reordered).
  package func keep(_ sequences: [Int]) -> KeyValueCache {
    KeyValueCache(copying: self, sequences)
  }

  private init(copying other: KeyValueCache, _ sequences: [Int]) {
    lengths = sequences.map { other.lengths[$0] }
    capacity = other.capacity
    slots = other.slots
    width = other.width
    let width = other.width
    func gather(_ tensors: [Tensor]) -> [Tensor] {
      zip(tensors, other.slots).map { tensor, slots in
        let target = Tensor(uninitialized: [sequences.count * slots, width])
        for (index, sequence) in sequences.enumerated() {
          let used = min(other.lengths[sequence], slots) * width
          (target.floats + index * slots * width).update(from: tensor.floats + sequence * slots * width, count: used)
        }
        return target
      }
    }
    keys = gather(other.keys)
    values = gather(other.values)
  }
}
