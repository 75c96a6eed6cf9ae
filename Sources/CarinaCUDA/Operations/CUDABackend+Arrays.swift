import CarinaTensor

extension Array {
  /// The array as a key: its very memory, so that its numbers need not be compared.
  fileprivate func key(_ purpose: KeptArrays.Purpose) -> KeptArrays.Key {
    withUnsafeBytes { .memory(UInt(bitPattern: $0.baseAddress), count: count, purpose: purpose) }
  }
}

extension CUDABackend {
  /// The array's numbers on the card, kept for the next call with the same array.
  func arrayOnCard(_ numbers: [Int32]) -> Tensor {
    kept.array(numbers.key(.numbers), owner: numbers) { upload(numbers) }
  }

  /// The same of fp32.
  func arrayOnCard(_ numbers: [Float]) -> Tensor {
    kept.array(numbers.key(.numbers), owner: numbers) {
      upload(numbers.map { Int32(bitPattern: $0.bitPattern) })
    }
  }

  /// The same in 64 bits each.
  func arrayOnCard(_ numbers: [Int]) -> Tensor {
    kept.array(numbers.key(.numbers), owner: numbers) { uploadWide(numbers) }
  }

  /// What `RowRuns` says of target rows, on the card in 64 bits each: targets, starts, order.
  func runsOnCard(_ rows: [Int]) -> (numbers: Tensor, count: Int) {
    let tensor = kept.array(rows.key(.runs), owner: rows) {
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
