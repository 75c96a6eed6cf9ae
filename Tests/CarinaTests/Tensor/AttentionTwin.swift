import Foundation

import Carina

/// Scaled dot-product attention by its definition, one query and one key at a time, in double precision.
func attentionTwin(_ query: [Double], _ key: [Double], _ value: [Double], _ layout: AttentionLayout) -> [Double] {
  let size = layout.headSize, queryWidth = layout.heads * size, keyWidth = layout.keyValueHeads * size
  let group = layout.heads / layout.keyValueHeads
  var out = [Double](repeating: 0, count: query.count)
  var firstQuery = 0, firstKey = 0
  for (sequence, (queries, keys)) in zip(layout.queryCounts, layout.keyCounts).enumerated() {
    for row in 0..<queries {
      let position = keys - queries + row
      let seen = (0..<keys).filter { key in
        guard layout.isCausal else { return true }
        let isMutual = layout.mutualRuns?[sequence].contains { $0.contains(key) && $0.contains(position) } ?? false
        return (key <= position || isMutual) && layout.window.map { key > position - $0 } ?? true
      }
      for head in 0..<layout.heads where !seen.isEmpty {
        let q = (firstQuery + row) * queryWidth + head * size
        let scores = seen.map { column -> Double in
          let k = (firstKey + column) * keyWidth + head / group * size
          return (0..<size).reduce(0) { $0 + query[q + $1] * key[k + $1] } * Double(layout.scale)
        }
        let largest = scores.max() ?? 0
        let weights = scores.map { exp($0 - largest) }
        let sum = weights.reduce(0, +)
        for (column, weight) in zip(seen, weights) {
          let v = (firstKey + column) * keyWidth + head / group * size
          for i in 0..<size { out[q + i] += weight / sum * value[v + i] }
        }
      }
    }
    firstQuery += queries
    firstKey += keys
  }
  return out
}
