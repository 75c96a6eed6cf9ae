import CKernels

/// Which numbers of a matrix are kept (Srivastava et al. 2014): a function of the key, the row and the column alone, so
/// that a pass that runs again keeps the same ones, whatever the number of threads.
package struct DropoutMask: Equatable, Sendable {
  /// The random bits that the mask is made of.
  package let key: UInt64
  /// The part that is dropped, in [0, 1).
  package let probability: Double

  /// A mask that drops so large a part.
  package init(key: UInt64, probability: Double) {
    precondition((0..<1).contains(probability), "cannot drop a part of \(probability)")
    self.key = key
    self.probability = probability
  }

  /// Of 32 random bits a number is kept whose bits are at least this.
  package var threshold: UInt32 { UInt32(min(probability * 0x1p32, 0x1p32 - 1)) }
  /// Factor that keeps the expected sum: 1 / (1 − p).
  package var scale: Double { 1 / (1 - probability) }
}

/// Dropping of numbers, and what adapters need besides.
package protocol DropoutKernels {
  /// target = source [R, W] where the mask keeps a number, else 0; fp32 or bfloat16, both of one type.
  func drop(_ source: Tensor, _ mask: DropoutMask, into target: Tensor)
  /// target += source where the mask keeps a number, fp32 [R, W].
  func addKept(_ source: Tensor, _ mask: DropoutMask, to target: Tensor)
  /// Multiplies every fp32 number by a factor.
  func scale(_ x: Tensor, by factor: Float)
}

extension CPUBackend: DropoutKernels {
  /// See `DropoutKernels`.
  package func drop(_ source: Tensor, _ mask: DropoutMask, into target: Tensor) {
    let width = source.width
    RowSplit.run(source.rows, grain: RowSplit.grain(width: width)) { range in
      let skip = range.lowerBound * width, first = Int64(range.lowerBound), rows = Int64(range.count)
      if source.elementType == .bfloat16 {
        carina_drop_bfloat16(
          source.bfloats + skip, target.bfloats + skip, first, rows, Int64(width), mask.key, mask.threshold)
      } else {
        carina_drop_float(
          source.floats + skip, target.floats + skip, first, rows, Int64(width), mask.key, mask.threshold)
      }
    }
  }

  /// See `DropoutKernels`.
  package func addKept(_ source: Tensor, _ mask: DropoutMask, to target: Tensor) {
    let width = source.width
    RowSplit.run(source.rows, grain: RowSplit.grain(width: width)) { range in
      let skip = range.lowerBound * width
      carina_add_kept(
        source.floats + skip, target.floats + skip, Int64(range.lowerBound), Int64(range.count), Int64(width), mask.key,
        mask.threshold)
    }
  }

  /// See `DropoutKernels`.
  package func scale(_ x: Tensor, by factor: Float) {
    RowSplit.run(x.count, grain: 1 << 15) { range in
      carina_scale(x.floats + range.lowerBound, factor, Int64(range.count))
    }
  }
}
