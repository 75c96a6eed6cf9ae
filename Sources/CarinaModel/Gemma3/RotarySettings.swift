/// The rotary bases and scaling of a decoder's `config.json`, whatever the dialect.
struct RotarySettings {
  let localBase: Double
  let globalBase: Double
  let globalScale: Double
  let unknownKeys: [String]

  /// Values under `rope_parameters` come before the flat keys, as in transformers 5; the two must not contradict each
  /// other.
  init(_ keys: ConfigObject) throws {
    let kinds = try keys.child("rope_parameters")
    if !kinds.object.isEmpty, kinds.object["full_attention"] == nil, kinds.object["sliding_attention"] == nil {
      throw keys.refused(
        "rope_parameters", because: "one rotary embedding for all layers",
        expected: "full_attention and sliding_attention")
    }
    let full = try kinds.child("full_attention")
    let sliding = try kinds.child("sliding_attention")
    let scaling = try keys.child("rope_scaling")
    globalBase = try RotarySettings.base(full, flat: keys, flatKey: "rope_theta", default: 1_000_000)
    localBase = try RotarySettings.base(sliding, flat: keys, flatKey: "rope_local_base_freq", default: 10_000)
    let scales = try [full, scaling].map { try RotarySettings.scale($0) }
    if let first = scales[0], let second = scales[1], first != second {
      throw keys.wrong("rope_scaling", expected: "the same scaling as rope_parameters.full_attention")
    }
    globalScale = scales[1] ?? scales[0] ?? 1
    if let scale = try RotarySettings.scale(sliding), scale != 1 {
      throw sliding.refused("factor", because: "local layers are not scaled here", expected: "1")
    }
    let entryKeys: Set<String> = ["factor", "partial_rotary_factor", "rope_theta", "rope_type", "type"]
    unknownKeys =
      kinds.unknownKeys(besides: ["full_attention", "sliding_attention"])
      + [full, sliding, scaling].flatMap { $0.unknownKeys(besides: entryKeys) }
  }

  private static func base(
    _ entry: ConfigObject, flat: ConfigObject, flatKey: String, default fallback: Double
  ) throws -> Double {
    let flatBase = try flat.positive(flatKey, default: fallback)
    let base = try entry.positive("rope_theta", default: flatBase)
    if flat.value(flatKey) != nil, base != flatBase {
      throw flat.wrong(flatKey, expected: "the same base as \(entry.path("rope_theta")), \(base)")
    }
    return base
  }

  /// The linear factor of an entry; nil where it says nothing about scaling.
  private static func scale(_ entry: ConfigObject) throws -> Double? {
    try entry.require("partial_rotary_factor", in: [1], because: "whole heads are rotated here")
    let key = entry.value("rope_type") != nil ? "rope_type" : "type"
    guard entry.value(key) != nil else {
      guard entry.value("factor") == nil else { throw entry.wrong("factor", expected: "a rope_type beside it") }
      return nil
    }
    switch try entry.text(key, default: "default") {
    case "default": return 1
    case "linear":
      guard entry.value("factor") != nil else { throw entry.wrong("factor", expected: "a number above 0") }
      return try entry.positive("factor", default: 1)
    default: throw entry.refused(key, because: "this scaling of positions is unknown", expected: "default or linear")
    }
  }
}
