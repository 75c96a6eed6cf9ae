import CRuntime
import Foundation

/// What the processor can do, and its name for the record of a run.
public enum Processor {
  /// Whether bfloat16 products run at full vector speed (AVX-512 BF16).
  package static var hasBFloat16Products: Bool { carina_has_bfloat16_products() != 0 }

  /// The model name and the vector instructions in use.
  public static var description: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last.map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    let vectors =
      carina_has_avx512() != 0
      ? (hasBFloat16Products ? "AVX-512 with bfloat16" : "AVX-512") : carina_has_avx2() != 0 ? "AVX2" : "baseline"
    return "\(name ?? "unknown processor"), \(vectors)"
  }

  /// Starts the program again with idle threads that give their core up quickly, unless the environment says how they
  /// wait. Call it first thing in `main`; it returns when there is nothing to change.
  public static func shortenIdleSpin() { carina_shorten_idle_spin(CommandLine.unsafeArgv) }
}
