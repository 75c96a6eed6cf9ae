import CarinaTensor

/// Stands for a matrix in 8 bits where there are none: the backend has noted a failure, so nothing of it is used.
final class AbsentQuantizedFactor: QuantizedFactor {
  private let matrix: Tensor

  init(_ matrix: Tensor) { self.matrix = matrix }

  var storage: Storage { matrix.storage }
  var byteCount: Int { 0 }
  var columnFactors: Tensor? { nil }
  var rowFactors: Tensor { Tensor(zeros: [matrix.rows], on: matrix.backend) }
  func gradientRows(_ gradient: Tensor) -> ByteRows {
    matrix.backend.byteRows(gradient, activation: nil, factors: nil)
  }
  func product(_ x: Tensor) -> Tensor { Tensor(zeros: [x.rows, matrix.rows], on: x.backend) }
  func multiply(_ x: ByteRows, bias: Tensor?, summand: Tensor?, into c: Tensor) {}
  func multiplyBack(_ gradient: ByteRows, adds: Bool, into dx: Tensor) {}
  func candidates(_ x: Tensor, products: Tensor, row: Int) -> [Int] { [] }
}
