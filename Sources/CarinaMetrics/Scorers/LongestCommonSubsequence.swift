/// The longest common subsequence of two token lists, by the usual table of prefix lengths.
struct LongestCommonSubsequence {
  private let rows: [Int32]
  private let columns: [Int32]
  private let table: [Int32]

  init(_ rows: [Int32], _ columns: [Int32]) {
    self.rows = rows
    self.columns = columns
    let width = columns.count + 1
    var table = [Int32](repeating: 0, count: (rows.count + 1) * width)
    for i in rows.indices {
      for j in columns.indices {
        table[(i + 1) * width + j + 1] =
          rows[i] == columns[j]
          ? table[i * width + j] + 1
          : max(table[i * width + j + 1], table[(i + 1) * width + j])
      }
    }
    self.table = table
  }

  /// Its length.
  var length: Int { Int(table[table.count - 1]) }

  /// The indices in `rows` of one such subsequence: read from the end, and where both ways are equally long, upwards.
  var rowIndices: [Int] {
    let width = columns.count + 1
    var (i, j) = (rows.count, columns.count)
    var indices: [Int] = []
    while i > 0, j > 0 {
      if rows[i - 1] == columns[j - 1] {
        indices.append(i - 1)
        i -= 1
        j -= 1
      } else if table[i * width + j - 1] > table[(i - 1) * width + j] {
        j -= 1
      } else {
        i -= 1
      }
    }
    return indices.reversed()
  }
}
