import Foundation

/// How much memory the process has taken, and how much it may still take.
public enum ProcessMemory {
  /// The most bytes that were resident at once, mapped files included (`getrusage`).
  public static var peakByteCount: Int {
    var usage = rusage()
    guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
    return usage.ru_maxrss * 1024
  }

  /// Bytes that are resident now, mapped files included; 0 where that cannot be read.
  public static var residentByteCount: Int {
    let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// Bytes that can be taken without swapping: what the kernel calls available, or what the control group leaves where that is less;
  /// nil where neither can be read.
  public static var availableByteCount: Int? {
    let known = [availableInSystem, availableInControlGroup].compactMap { $0 }
    return known.min()
  }

  private static var availableInSystem: Int? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
      let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return nil }
    return kibibytes * 1024
  }

  private static var availableInControlGroup: Int? {
    let places = [
      (
        limit: "/sys/fs/cgroup/memory.max", usage: "/sys/fs/cgroup/memory.current",
        statistics: "/sys/fs/cgroup/memory.stat"
      ),
      (
        limit: "/sys/fs/cgroup/memory/memory.limit_in_bytes", usage: "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        statistics: "/sys/fs/cgroup/memory/memory.stat"
      ),
    ]
    for place in places {
      guard let limit = number(place.limit), let usage = number(place.usage) else { continue }
      // Cached files count as used but go when memory is asked for.
      return max(0, limit - usage + cachedFiles(place.statistics))
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
