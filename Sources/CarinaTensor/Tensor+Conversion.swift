import CKernels

extension Tensor {
  /// The numbers in another element type (rounded to nearest even when narrowing), off the tape; itself where it has that type.
  package func converted(to type: ElementType) -> Tensor {
    guard type != elementType else { return self }
    let result = Tensor(uninitialized: shape, elementType: type)
    let source = self
    RowSplit.run(count, grain: 1 << 16) { range in
      let count = Int64(range.count)
      if type == .bfloat16 {
        carina_to_bfloat16(source.floats + range.lowerBound, result.bfloats + range.lowerBound, count)
      } else {
        carina_from_bfloat16(source.bfloats + range.lowerBound, result.floats + range.lowerBound, count)
      }
    }
    return result
  }

  /// Widens IEEE half-precision numbers, as some checkpoints store them.
  package static func fromFloat16(_ source: UnsafeRawPointer, shape: [Int]) -> Tensor {
    let result = Tensor(uninitialized: shape)
    // Tensors in a file may lie at odd offsets; the copy aligns them.
    let aligned = Tensor(uninitialized: shape, elementType: .bfloat16)
    aligned.pointer.copyMemory(from: source, byteCount: result.count * 2)
    carina_from_float16(aligned.bfloats, result.floats, Int64(result.count))
    return result
  }

  /// Whether no element is infinite or not a number; fp32 only.
  package var isFinite: Bool { carina_all_finite(floats, Int64(count)) != 0 }
}
