import Serialization
import TestSupport
import Testing

@Suite("lorikeet selftest") struct SelfTestTests {
  @Test("passes here, and says what it measured")
  func passes() throws {
    let run = try CommandRun(CommandRun.lorikeet, ["selftest", "--json"])
    #expect(run.exitCode == 0, "\(run.standardError)")
    let json = try JSON.parse(run.standardOutput)
    #expect(json["passed"]?.boolValue == true)
    let checks = try #require(json["checks"]?.arrayValue)
    let names = checks.compactMap { $0["name"]?.stringValue }
    for name in [
      "products, baseline", "integer products", "NF4", "gradients", "row order in GGUF", "decoding",
      "merge", "adapter files", "accumulation", "shared beginnings", "threads", "resume", "tokens",
      "mask",
    ] {
      #expect(names.contains(name), "\(name)")
    }
    for check in checks {
      let measured = try #require(check["measured"]?.doubleValue)
      #expect(measured <= check["bound"]?.doubleValue ?? -1, "\(check)")
    }
  }
}
