import CKernels

extension Tensor {
  /// The numbers in another element type (rounded to nearest even when narrowing), off the tape; itself where it has
  /// that type.
  package func converted(to type: ElementType) -> Tensor {
    guard type != elementType else { return self }
    let result = Tensor(uninitialized: shape, elementType: type, on: backend)
    backend.convert(self, into: result)
    return result
  }

  /// Widens IEEE half-precision numbers in the host's memory, as some checkpoints store them.
  package static func fromFloat16(_ source: UnsafeRawBufferPointer, shape: [Int], on backend: any Backend) -> Tensor {
    // Tensors in a file may lie at odd offsets; the copy aligns them.
    let halves = Tensor(shape, elementType: .bfloat16, on: backend) { $0.copyMemory(from: source) }
    let result = Tensor(uninitialized: shape, on: backend)
    backend.widenHalves(halves, into: result)
    return result
  }

  /// Rounds double-precision numbers in the host's memory to fp32, as transformers does on loading.
  package static func fromFloat64(_ source: UnsafeRawBufferPointer, shape: [Int], on backend: any Backend) -> Tensor {
    Tensor(shape, on: backend) { target in
      let floats = target.bindMemory(to: Float.self)
      for index in floats.indices {
        floats[index] = Float(source.loadUnaligned(fromByteOffset: 8 * index, as: Double.self))
      }
    }
  }

  /// Whether no element is infinite or not a number; fp32 only.
  package var isFinite: Bool { backend.isFinite(self) }
}

/// Changes of the element type, and numbers kept in two halves.
package protocol ConversionKernels {
  /// Rounds fp32 to bfloat16 (to nearest even) or widens bfloat16 to fp32.
  func convert(_ source: Tensor, into target: Tensor)
  /// Widens IEEE half-precision numbers, which `source` holds as 16 bits each, to fp32.
  func widenHalves(_ source: Tensor, into target: Tensor)
  /// Whether every fp32 number is finite.
  func isFinite(_ x: Tensor) -> Bool
  /// The upper and lower 16 bits of fp32 numbers; `split` parts them, `join` puts them together.
  func split(_ source: Tensor, upper: Tensor, lower: Tensor)
  /// See `split`.
  func join(upper: Tensor, lower: Tensor, into target: Tensor)
}

extension CPUBackend: ConversionKernels {
  /// See `ConversionKernels`.
  package func convert(_ source: Tensor, into target: Tensor) {
    RowSplit.run(source.count, grain: 1 << 16) { range in
      let first = range.lowerBound
      if target.elementType == .bfloat16 {
        carina_to_bfloat16(source.floats + first, target.bfloats + first, Int64(range.count))
      } else {
        carina_from_bfloat16(source.bfloats + first, target.floats + first, Int64(range.count))
      }
    }
  }

  /// See `ConversionKernels`.
  package func widenHalves(_ source: Tensor, into target: Tensor) {
    carina_from_float16(source.bfloats, target.floats, Int64(target.count))
  }

  /// See `ConversionKernels`.
  package func isFinite(_ x: Tensor) -> Bool { carina_all_finite(x.floats, Int64(x.count)) != 0 }

  /// See `ConversionKernels`.
  package func split(_ source: Tensor, upper: Tensor, lower: Tensor) {
    RowSplit.run(source.count, grain: 1 << 16) { range in
      let skip = range.lowerBound
      carina_split_float(source.floats + skip, upper.bfloats + skip, lower.bfloats + skip, Int64(range.count))
    }
  }

  /// See `ConversionKernels`.
  package func join(upper: Tensor, lower: Tensor, into target: Tensor) {
    RowSplit.run(target.count, grain: 1 << 16) { range in
      let skip = range.lowerBound
      carina_join_float(upper.bfloats + skip, lower.bfloats + skip, target.floats + skip, Int64(range.count))
    }
  }
}
