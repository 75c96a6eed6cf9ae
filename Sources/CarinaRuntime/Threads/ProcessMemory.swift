import Foundation

/// How much memory the process has taken, and how much it may still take.
public enum ProcessMemory {
  /// The most bytes that were resident at once, mapped files included (`VmHWM`; `getrusage` would count what the
  /// process was before it became this program); 0 where it cannot be read.
  public static var peakByteCount: Int {
    kibibytes(of: "VmHWM:", in: "/proc/self/status").map { $0 * 1024 } ?? 0
  }

  /// Bytes that are resident now, mapped files included; 0 where it cannot be read.
  package static var residentByteCount: Int {
    kibibytes(of: "VmRSS:", in: "/proc/self/status").map { $0 * 1024 } ?? 0
  }

  /// Bytes that can be taken without swapping: what the kernel calls available, or what the control group leaves where
  /// that is less; nil where neither can be read.
  package static var availableByteCount: Int? {
    let known = [availableInSystem, availableInControlGroup].compactMap { $0 }
    return known.min()
  }

  private static var availableInSystem: Int? {
    kibibytes(of: "MemAvailable:", in: "/proc/meminfo").map { $0 * 1024 }
  }

  private static func kibibytes(of field: String, in path: String) -> Int? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix(field) })
    else { return nil }
    return line.dropFirst(field.count).split(whereSeparator: { $0 == " " || $0 == "\t" }).first.flatMap { Int($0) }
  }

  private static var availableInControlGroup: Int? {
    let controlGroups = [
      (
        limit: "/sys/fs/cgroup/memory.max", usage: "/sys/fs/cgroup/memory.current",
        statistics: "/sys/fs/cgroup/memory.stat"
      ),
      (
        limit: "/sys/fs/cgroup/memory/memory.limit_in_bytes", usage: "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        statistics: "/sys/fs/cgroup/memory/memory.stat"
      ),
    ]
    for group in controlGroups {
      guard let limit = number(group.limit), let usage = number(group.usage) else { continue }
      // Cached files count as used but go when memory is asked for.
      return max(0, limit - usage + cachedFiles(group.statistics))
    }
    return nil
  }

  private static func number(_ path: String) -> Int? {
    (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
      Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }

  private static func cachedFiles(_ path: String) -> Int {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return 0 }
    let names: Set<Substring> = ["inactive_file", "active_file"]
    return text.split(separator: "\n").reduce(0) { sum, line in
      let fields = line.split(separator: " ")
      return fields.count == 2 && names.contains(fields[0]) ? sum + (Int(fields[1]) ?? 0) : sum
    }
  }
}
