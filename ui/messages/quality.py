"""The texts of the view of evaluations and feedback."""

from collections.abc import Mapping
from dataclasses import dataclass

from ui.messages.language import Language


@dataclass(frozen=True)
class QualityTexts:
    """The view in one language; names in braces are filled in.

    Attributes:
        evaluations: title of the part with the reports.
        feedback: title of the part with what visitors thought.
        start: heads the starting of an evaluation.
        start_note: what a file of questions looks like.
        file: label of the field for the file.
        golden: to take the questions that were collected on this page; how many there are.
        run: begins.
        running: it goes on; how many questions are done.
        stop: ends it.
        failed_run: it could not be done; the reason follows.
        none: there is no report yet.
        report: label of the chooser of reports.
        baseline: label of the chooser of the earlier report to compare with.
        no_baseline: no earlier report.
        questions: label of the number of questions.
        failed: label of the number of those that failed.
        first: label of the share found first.
        contains: label of the share of answers that hold the golden one.
        cited: label of the share of citations that are right.
        refused: label of the share of unanswerable questions that were refused.
        refused_wrongly: label of the share of answerable ones that were.
        failing: heads the failing questions.
        all_well: no question failed.
        causes: why questions fail, by the report's own words.
        recall: heads the plot of recall.
        passages: axis of how many passages.
        curve: heads the plot of refusals.
        floor: axis of the floor.
        latency: heads the plot of times.
        seconds: axis of seconds.
        gained: questions that failed before and do not now.
        lost: questions that failed not before and do now.
        metric: of the table of differences.
        before: of that table.
        now: of that table.
        verdict: of that table.
        verdicts: better, worse, or noise.
        download: to keep a report.
        no_feedback: nobody has rated an answer yet.
        helpful: an answer that helped.
        unhelpful: one that did not.
        make_golden: makes a question of the evaluation of it.
        is_golden: it is one.
        golden_answer: label of the field for what would have been right.
    """

    evaluations: str
    feedback: str
    start: str
    start_note: str
    file: str
    golden: str
    run: str
    running: str
    stop: str
    failed_run: str
    none: str
    report: str
    baseline: str
    no_baseline: str
    questions: str
    failed: str
    first: str
    contains: str
    cited: str
    refused: str
    refused_wrongly: str
    failing: str
    all_well: str
    causes: Mapping[str, str]
    recall: str
    passages: str
    curve: str
    floor: str
    latency: str
    seconds: str
    gained: str
    lost: str
    metric: str
    before: str
    now: str
    verdict: str
    verdicts: Mapping[str, str]
    download: str
    no_feedback: str
    helpful: str
    unhelpful: str
    make_golden: str
    is_golden: str
    golden_answer: str


QUALITY: Mapping[Language, QualityTexts] = {
    "zh": QualityTexts(
        evaluations="评测",
        feedback="反馈",
        start="新的评测",
        start_note="一行一个问题；知道答案就在后面加制表符再写答案。也可以用 JSON Lines。",
        file="问题文件",
        golden="用这个页面上收集的 {count} 个问题",
        run="开始评测",
        running="正在评测……已完成 {done} 个问题",
        stop="停止",
        failed_run="评测没有完成：{reason}",
        none="这个知识库还没有评测过。",
        report="报告",
        baseline="与更早的报告比较",
        no_baseline="不比较",
        questions="问题",
        failed="失败",
        first="首位命中",
        contains="答案正确",
        cited="出处正确",
        refused="该拒答时拒答",
        refused_wrongly="误拒",
        failing="失败的问题",
        all_well="没有失败的问题。",
        causes={
            "error": "出错",
            "answered, though nothing answers it": "文档里没有答案，却回答了",
            "refused": "有答案，却拒答了",
            "not retrieved": "没有检索到",
            "retrieved, but the answer does not say it": "检索到了，但回答里没有",
            "answered, but the citations do not show it": "回答了，但出处不对",
            "cited on another page": "出处的页码不对",
        },
        recall="前 k 个段落里的命中率",
        passages="段落数 k",
        curve="不同门槛下的拒答率",
        floor="门槛",
        latency="用时分布",
        seconds="秒",
        gained="变好的问题",
        lost="变坏的问题",
        metric="指标",
        before="之前",
        now="现在",
        verdict="结论",
        verdicts={"better": "变好", "worse": "变坏", "no difference shown": "看不出差别"},
        download="下载报告",
        no_feedback="还没有人评价过回答。",
        helpful="有帮助",
        unhelpful="没帮助",
        make_golden="加入评测问题",
        is_golden="已加入评测问题",
        golden_answer="正确的答案（可以不填）",
    ),
    "en": QualityTexts(
        evaluations="Evaluations",
        feedback="Feedback",
        start="New evaluation",
        start_note=(
            "A text with a question a line; where you know the answer, put it after a tab. "
            "JSON Lines will do, too."
        ),
        file="File of questions",
        golden="Take the {count} questions collected on this page",
        run="Evaluate",
        running="Evaluating … {done} questions done",
        stop="Stop",
        failed_run="The evaluation was not finished: {reason}",
        none="This knowledge base was not evaluated yet.",
        report="Report",
        baseline="Compare with an earlier report",
        no_baseline="Do not compare",
        questions="Questions",
        failed="Failed",
        first="Found first",
        contains="Answer right",
        cited="Citations right",
        refused="Rightly refused",
        refused_wrongly="Wrongly refused",
        failing="Questions that failed",
        all_well="No question failed.",
        causes={
            "error": "error",
            "answered, though nothing answers it": "answered, though nothing answers it",
            "refused": "refused, though the documents answer it",
            "not retrieved": "not retrieved",
            "retrieved, but the answer does not say it": (
                "retrieved, but the answer does not say it"
            ),
            "answered, but the citations do not show it": (
                "answered, but the citations do not show it"
            ),
            "cited on another page": "cited on another page",
        },
        recall="Found among the first k passages",
        passages="passages k",
        curve="Refused at other floors",
        floor="floor",
        latency="Time to an answer",
        seconds="seconds",
        gained="Better now",
        lost="Worse now",
        metric="Metric",
        before="Before",
        now="Now",
        verdict="Verdict",
        verdicts={
            "better": "better",
            "worse": "worse",
            "no difference shown": "no difference shown",
        },
        download="Download the report",
        no_feedback="Nobody has rated an answer yet.",
        helpful="helped",
        unhelpful="did not help",
        make_golden="Make it a question of the evaluation",
        is_golden="a question of the evaluation",
        golden_answer="The right answer (may be left empty)",
    ),
}
