import Carina
import Foundation

/// What is trained, as lines of a header: one a component, in columns.
func componentLines(_ components: [ComponentSummary]) -> [(name: String, value: String)] {
  func rate(_ value: Double?, _ name: String) -> String { value.map { "\(name) \($0)" } ?? "" }
  let rows = components.map { component in
    [
      component.name, "\(component.parameters) numbers",
      component.trained == 0 || component.trained == component.parameters
        ? component.state : "\(component.state) (\(component.trained))",
      component.precision, rate(component.peakRate, "rate"), rate(component.weightDecay, "decay"),
    ]
  }
  let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  return rows.map { row in
    let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
    return ("component", cells.joined(separator: "  ").trimmingCharacters(in: [" "]))
  }
}
