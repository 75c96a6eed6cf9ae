import Foundation
import Testing

import Carina

@Suite struct TokenizerScaleTests {
  private func text(_ count: Int) -> String {
    var generator = SeededGenerator(seed: 5, stream: "long text")
    let words = ["effusion", "left", "12.5", "no", "heart", "lung,", "  ", "café", "a😀b", "consolidation"]
    var text = ""
    while text.utf8.count < count { text += generator.pick(words) + " " }
    return text
  }

  /// Processor time of this thread alone: the clock on the wall measures what else the machine does.
  private func seconds(_ body: () -> Void) -> Double {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    let start = now()
    body()
    return now() - start
  }

  /// 64 times the text costs about 100 times the work when it is n log n, and 4096 times when it is quadratic.
  @Test("a long line costs no more than its length asks", arguments: ["bpe-gemma", "spm-bpe", "spm-unigram-bytes"])
  func longLine(name: String) throws {
    let tokenizer = try TextGolden(name).tokenizer
    for (short, long) in [
      (text(8_000), text(512_000)),
      (String(repeating: "a", count: 8_000), String(repeating: "a", count: 512_000)),
      (String(repeating: "<", count: 8_000), String(repeating: "<", count: 512_000)),
    ] {
      var ids = [Int]()
      let brief = (0..<3).map { _ in seconds { _ = tokenizer.encode(short) } }.min() ?? 0
      let ratio = seconds { ids = tokenizer.encode(long) } / max(brief, 1e-4)
      #expect(ratio < 1200)
      #expect(sameBytes(tokenizer.decode(ids, skipSpecialTokens: false), long))
    }
  }
}
