import CarinaTensor

/// An array as a key: equal where it is the very same memory, which the key keeps from being used for anything else, so that
/// its numbers need not be compared.
private struct SameArray<Element>: Hashable {
  private let array: [Element]
  private let address: UnsafeRawPointer?

  init(_ array: [Element]) {
    self.array = array
    address = array.withUnsafeBytes { $0.baseAddress }
  }

  static func == (a: SameArray, b: SameArray) -> Bool { a.address == b.address && a.array.count == b.array.count }
  func hash(into hasher: inout Hasher) { hasher.combine(address) }
}

/// What is made of an array of row numbers.
private enum Purpose: Hashable {
  case numbers, runs
}

private struct PurposeKey<Element>: Hashable {
  let array: SameArray<Element>
  let purpose: Purpose
}

extension CUDABackend {
  /// The array's numbers on the card, kept for the next call with the same array.
  func arrayOnCard(_ numbers: [Int32]) -> Tensor {
    kept.array(PurposeKey(array: SameArray(numbers), purpose: .numbers)) { upload(numbers) }
  }

  /// The same of fp32.
  func arrayOnCard(_ numbers: [Float]) -> Tensor {
    kept.array(PurposeKey(array: SameArray(numbers), purpose: .numbers)) {
      upload(numbers.map { Int32(bitPattern: $0.bitPattern) })
    }
  }

  /// The same in 64 bits each.
  func arrayOnCard(_ numbers: [Int]) -> Tensor {
    kept.array(PurposeKey(array: SameArray(numbers), purpose: .numbers)) { uploadWide(numbers) }
  }

  /// What `RowRuns` says of target rows, on the card in 64 bits each: targets, starts, order.
  func runsOnCard(_ rows: [Int]) -> (numbers: Tensor, count: Int) {
    let tensor = kept.array(PurposeKey(array: SameArray(rows), purpose: .runs)) {
      let runs = RowRuns(rows)
      return uploadWide(runs.targets + runs.starts + runs.order)
    }
    // `targets` and, one more, `starts` stand before `order`.
    return (tensor, (tensor.count / 8 - rows.count - 1) / 2)
  }

  private func uploadWide(_ numbers: [Int]) -> Tensor {
    upload(numbers.flatMap { [Int32(truncatingIfNeeded: $0), Int32(truncatingIfNeeded: $0 >> 32)] })
  }
}
