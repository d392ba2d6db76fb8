import Configuration
import Testing

@Suite("A comparison's configuration") struct ComparisonConfigurationTests {
  private static let least = """
    model:
      path: m.gguf
    data:
      train: train.jsonl
    training:
      output_dir: runs/c
    compare:
      questions: test.jsonl
      documents: docs

    """

  private func read(
    _ text: String, _ overrides: [String] = []
  ) throws(ConfigurationError) -> ComparisonConfiguration {
    try ComparisonConfiguration(yaml: Array(text.utf8), name: "c.yaml", overrides: overrides)
  }

  @Test("is a run's configuration with a section more")
  func keys() throws {
    let run = RunConfiguration.schema.map(\.path).filter { $0 != "training.seed" }
    let all = ComparisonConfiguration.schema.map(\.path)
    #expect(Array(all.prefix(run.count)) == run)
    #expect(all.dropFirst(run.count).allSatisfy { $0.hasPrefix("compare.") })
    #expect(Set(all).count == all.count)
    let configuration = try read(Self.least)
    #expect(configuration.run.model.path == "m.gguf")
    #expect(configuration.compare.questions == ["test.jsonl"])
    #expect(configuration.compare.arms == ComparisonConfiguration.Arm.allCases)
    #expect(configuration.compare.seeds == [42])
  }

  @Test("loads from its own text to what it was, every key changed")
  func readBack() throws {
    let changed = try read(
      Self.least,
      [
        "training.num_train_epochs=2", "lora.r=3", "compare.arms=[tuned, base]",
        "compare.seeds=[3, 1]", "compare.limit=7", "compare.max_new_tokens=9",
        "compare.num_fewshot=0", "compare.chunk_size=99", "compare.chunk_overlap=9",
        "compare.encoder=models/e", "compare.search_method=dense", "compare.candidates=11",
        "compare.top_k=2", "compare.metric=call", "compare.call_arguments=[repo, model]",
        "compare.known_calls=calls.jsonl", "compare.abstention=I don't know: \"no\"",
        "compare.price_per_core_hour=0", "compare.learning_curve=[0.5, 0.25]",
        "compare.arms=[tuned, retrieval]", "compare.distractor_robustness=[0, 4]",
        "compare.raft.distractors=0",
        "compare.raft.golden_share=1",
      ])
    #expect(try read(changed.resolvedYAML()) == changed)
    #expect(try read(Self.least) != changed)
    let least = try read(Self.least)
    #expect(try read(least.resolvedYAML()) == least)
  }

  @Test(
    "refuses what makes no sense, with place and remedy",
    arguments: [
      (
        ["compare.topk=3"],
        "compare.topk: unknown key; did you mean compare.top_k? (--set compare.topk=3)"
      ),
      (
        ["comparison.top_k=3"],
        "comparison.top_k: unknown key; did you mean compare.top_k? (--set comparison.top_k=3)"
      ),
      (
        ["compare.foo=3"],
        "compare.foo: unknown key; docs/configuration.md lists every key (--set compare.foo=3)"
      ),
      (
        ["zzz=3"],
        "zzz: unknown key; the sections are model, data, lora, training and compare (--set zzz=3)"
      ),
      (
        ["training.seed=3"],
        "training.seed: unknown key; did you mean compare.seeds? (--set training.seed=3)"
      ),
      (
        ["compare.knowledge_base=kb.db"],
        "compare.knowledge_base: compare.documents is set too; remove one of the two (--set compare.knowledge_base=kb.db)"
      ),
      (
        ["compare.documents=null"],
        "compare.arms: the arm retrieval needs compare.documents or compare.knowledge_base; set one, or leave the arm out"
      ),
      (
        ["compare.search_method=hybrid"],
        "compare.search_method: hybrid searches by meaning, which needs compare.encoder; set it, or use bm25 (--set compare.search_method=hybrid)"
      ),
      (
        ["compare.chunk_overlap=1000"],
        "compare.chunk_overlap: passages of 1000 characters cannot share 1000; it is less than compare.chunk_size (--set compare.chunk_overlap=1000)"
      ),
      (
        ["compare.seeds=[1, 2, 1]"],
        "compare.seeds: 1 stands there twice; keep one (--set compare.seeds=[1, 2, 1])"
      ),
      (
        ["compare.arms=[base, raft]"],
        "compare.arms: expected base, few-shot, retrieval, tuned or tuned-retrieval, found \"raft\" (--set compare.arms=[base, raft])"
      ),
      (
        ["compare.learning_curve=0.5"],
        "compare.learning_curve: one number shows no course; give two or more (--set compare.learning_curve=0.5)"
      ),
      (
        ["compare.distractor_robustness=[1, 2]", "compare.arms=tuned"],
        "compare.distractor_robustness: it is of the arm retrieval or tuned-retrieval, which compare.arms leaves out; add it (--set compare.distractor_robustness=[1, 2])"
      ),
      (
        ["compare.metric=command"],
        "compare.metric: the score of a command needs compare.metric_command (--set compare.metric=command)"
      ),
      (
        ["compare.metric_command=./score"],
        "compare.metric_command: it is run where compare.metric is command; set that, or remove it (--set compare.metric_command=./score)"
      ),
      (
        ["compare.metric=call"],
        "compare.metric: the score of calls needs compare.call_arguments, those that are compared (--set compare.metric=call)"
      ),
      (
        ["compare.raft.golden_share=1.1"],
        "compare.raft.golden_share: expected a number from 0 to 1, found 1.1 (--set compare.raft.golden_share=1.1)"
      ),
      (
        ["training.warmup_steps=3", "training.warmup_ratio=0.1"],
        "training.warmup_ratio: warmup_steps is set too; remove one of the two (--set training.warmup_ratio=0.1)"
      ),
    ])
  func refusals(_ overrides: [String], _ message: String) {
    do {
      _ = try read(Self.least, overrides)
      Issue.record("\(overrides) was accepted")
    } catch {
      #expect("\(error)" == message)
    }
  }

  @Test("is needed by no other command, which says what its sections are")
  func runsRefuse() {
    do {
      _ = try RunConfiguration(yaml: Array(Self.least.utf8), name: "c.yaml")
      Issue.record("it was accepted")
    } catch {
      #expect(
        "\(error)"
          == "compare: unknown key; the sections are model, data, lora and training (c.yaml line 7)"
      )
    }
  }
}
