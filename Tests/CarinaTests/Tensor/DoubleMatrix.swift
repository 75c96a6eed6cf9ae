import Carina

/// A matrix in double precision, the plain arithmetic that the engine's operations are compared with.
struct DoubleMatrix {
  let rows: Int
  let columns: Int
  var values: [Double]

  init(_ values: [Double], rows: Int, columns: Int) {
    precondition(values.count == rows * columns)
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  init(_ tensor: Tensor) { self.init(tensor.values.map(Double.init), rows: tensor.rows, columns: tensor.width) }

  subscript(row: Int, column: Int) -> Double { values[row * columns + column] }

  var transposed: DoubleMatrix {
    var result = values
    for row in 0..<rows { for column in 0..<columns { result[column * rows + row] = self[row, column] } }
    return DoubleMatrix(result, rows: columns, columns: rows)
  }

  static func * (a: DoubleMatrix, b: DoubleMatrix) -> DoubleMatrix {
    precondition(a.columns == b.rows)
    var result = [Double](repeating: 0, count: a.rows * b.columns)
    for row in 0..<a.rows {
      for inner in 0..<a.columns {
        let factor = a[row, inner]
        for column in 0..<b.columns { result[row * b.columns + column] += factor * b[inner, column] }
      }
    }
    return DoubleMatrix(result, rows: a.rows, columns: b.columns)
  }

  /// x Wᵀ + b.
  static func linear(_ x: DoubleMatrix, _ weight: DoubleMatrix, _ bias: [Double]? = nil) -> DoubleMatrix {
    var result = x * weight.transposed
    if let bias { for index in result.values.indices { result.values[index] += bias[index % weight.rows] } }
    return result
  }

  var columnSums: [Double] {
    (0..<columns).map { column in (0..<rows).reduce(0) { $0 + self[$1, column] } }
  }
}
