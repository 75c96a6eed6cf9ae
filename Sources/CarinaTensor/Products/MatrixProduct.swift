import Foundation

/// One factor of a matrix product: where it lies, its size as it is read, and whether it is read transposed.
public struct MatrixOperand {
  let pointer: UnsafeRawPointer
  /// What owns the memory: a factor made of a tensor that nobody else holds must not lose it before the product.
  let keeper: Storage?
  let elementType: ElementType
  /// Rows and columns of the factor as the product sees it.
  let rows: Int
  let columns: Int
  /// Distance in elements between rows of the stored matrix.
  let stride: Int
  let isTransposed: Bool

  /// A tensor read as [rows, columns].
  package init(_ tensor: Tensor, rows: Int, columns: Int) {
    precondition(rows * columns <= tensor.count, "\(rows) × \(columns) of \(tensor.shape)")
    self.init(
      pointer: tensor.pointer, elementType: tensor.elementType, rows: rows, columns: columns, stride: columns,
      keeper: tensor.storage)
  }

  /// Memory read as [rows, columns] with `stride` elements between rows; without a `keeper` the caller keeps it alive.
  package init(
    pointer: UnsafeRawPointer, elementType: ElementType, rows: Int, columns: Int, stride: Int,
    isTransposed: Bool = false, keeper: Storage? = nil
  ) {
    self.pointer = pointer
    self.keeper = keeper
    self.elementType = elementType
    self.rows = rows
    self.columns = columns
    self.stride = stride
    self.isTransposed = isTransposed
  }

  /// The same memory read with rows and columns exchanged.
  package var transposed: MatrixOperand {
    MatrixOperand(
      pointer: pointer, elementType: elementType, rows: columns, columns: rows, stride: stride,
      isTransposed: !isTransposed, keeper: keeper)
  }
}

/// A library that multiplies matrices; the seam at which another library, or another device, is added.
public protocol MatrixProductProvider: Sendable {
  /// What the run header prints.
  var name: String { get }
  /// Whether it multiplies this element type.
  func supports(_ elementType: ElementType) -> Bool
  /// c = a b, or c += a b; c is [a.rows, b.columns] fp32 with `cStride` elements between rows.
  func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int, accumulate: Bool)
}

extension MatrixProductProvider {
  /// A copy of a bfloat16 right factor in the layout that the library reads fastest; nil where it has none.
  package func packed(_ b: MatrixOperand) -> PackedFactor? {
    (self as? OneDNNProduct)?.pack(b)
  }

  /// Whether it has such layouts.
  package var packsFactors: Bool { self is OneDNNProduct }
}

/// The matrix product of the whole engine: through the provider chosen at start, but for products of few rows.
public enum MatrixProduct {
  /// Multiplies bfloat16 and large fp32 products; chosen from what the processor can do, see `MatrixProductChoice`.
  nonisolated(unsafe) public static var provider: MatrixProductProvider = MatrixProductChoice.automatic()

  /// c = a b with a right factor that was packed by the provider in use; c as below.
  ///
  /// - Returns: whether the library could; otherwise nothing has happened.
  static func multiply(
    _ a: MatrixOperand, packed b: PackedFactor, into c: UnsafeMutableRawPointer, finish: ProductFinish
  ) -> Bool {
    b.product.multiply(a, b, into: c, finish: finish)
  }

  /// c = a b, or c += a b with c [a.rows, b.columns] fp32, densely stored.
  package static func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int? = nil, accumulate: Bool
  ) {
    precondition(a.columns == b.rows, "[\(a.rows), \(a.columns)] times [\(b.rows), \(b.columns)]")
    precondition(a.elementType == b.elementType, "factors of \(a.elementType) and \(b.elementType)")
    let stride = cStride ?? b.columns
    guard a.rows > 0, b.columns > 0 else { return }
    if a.columns == 0 {
      if !accumulate { for row in 0..<a.rows { (c + row * stride).update(repeating: 0, count: b.columns) } }
      return
    }
    if FewRowsProduct.suits(a, b, accumulate: accumulate) {
      FewRowsProduct.multiply(a, b, into: c, cStride: stride)
    } else {
      provider.multiply(a, b, into: c, cStride: stride, accumulate: accumulate)
    }
  }
}
