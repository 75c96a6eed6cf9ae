import Foundation

/// The name of a tensor in PEFT's file, taken apart: `base_model.model.PATH.lora_A.weight`.
struct AdapterTensorName {
  /// What the tensor is to its layer.
  enum Role: Equatable {
    /// The factors of a change.
    case a, b
    /// A whole weight.
    case saved
    /// What belongs to another kind of adapter, in words.
    case other(String)
  }

  /// The path of the layer, or of the whole weight, in the model that the adapter was made for.
  let path: String
  let role: Role

  private static let prefix = "base_model.model."

  /// Nil for a name that is none of an adapter's. The name of the adapter, which PEFT leaves out when it saves, may
  /// stand behind `lora_A`, `lora_B` and `modules_to_save`.
  init?(_ name: String) {
    guard name.hasPrefix(Self.prefix) else { return nil }
    let steps = name.dropFirst(Self.prefix.count).split(separator: ".", omittingEmptySubsequences: false).map(
      String.init)
    func before(_ index: Int) -> String { steps[..<index].joined(separator: ".") }
    for (step, what) in [
      ("lora_embedding_A", "an adapter of an embedding"), ("lora_embedding_B", "an adapter of an embedding"),
      ("lora_magnitude_vector", "the magnitudes of a DoRA"),
    ] {
      if let index = steps.firstIndex(of: step) {
        (path, role) = (before(index), .other(what))
        return
      }
    }
    if let index = steps.firstIndex(where: { $0 == "lora_A" || $0 == "lora_B" }) {
      path = before(index)
      let rest = steps[(index + 1)...]
      guard (1...2).contains(rest.count), index > 0 else { return nil }
      if rest.last == "bias" {
        role = .other("a bias of an adapter")
      } else {
        guard rest.last == "weight" else { return nil }
        role = steps[index] == "lora_A" ? .a : .b
      }
      return
    }
    var kept = steps
    if let index = kept.firstIndex(of: "modules_to_save"), kept.count > index + 2 {
      kept.removeSubrange(index...index + 1)
    }
    kept.removeAll { $0 == "base_layer" }
    (path, role) = (kept.joined(separator: "."), .saved)
  }
}
