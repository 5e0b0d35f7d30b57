"""PDF: three pages that LibreOffice Writer laid out, against what was written into them."""

from pathlib import Path

from ingest.formats.pdf import parse
from tests.ingest.formats.drawing import told

HANDBOOK = Path(__file__).parent / "samples" / "handbook.pdf"
ROWS = "\n".join(
    f"| {number:03d} | 第 {number} 组：仪器的装配、校准与包装 assembly, calibration and packing of "
    f"instrument number {number} | {number % 7 + 1} 号楼 {number % 4 + 1} 层 |"
    for number in range(1, 41)
)
TRUTH = f"""[1]
# 员工手册 Handbook
The company was founded to build instruments that measure the temperature of liquids with great \
accuracy, and the people who work in it are expected to understand what they build. Whoever joins \
it spends the first two weeks in the workshop, and is introduced to the international standards \
that our customers refer to in their specifications.
Annual leave amounts to five days after one year, ten days after ten years and fifteen days after \
twenty years.1 It is applied for in the system three days in advance and approved by the immediate \
superior, who takes into consideration the responsibilities of the department and the \
representation of colleagues.
公司员工入职满一年以后，每年享有五天带薪年假；满十年的为十天，满二十年的为十五天。请假须提前三个工作日在系统中\
提出，由直接主管批准，并抄送人力资源部备案。未经批准擅自离岗的，按照旷工处理，情节严重的可以解除劳动合同。
新员工入职以后的头两个星期在车间实习，由所在部门指定一名导师，负责讲解产品的工作原理、安全规程以及客户在技术协议\
中经常引用的国际标准。实习结束时由导师和人力资源部共同考核，合格者方可上岗。
# 通讯录 Directory
| 编号 No. | 职责 Duty | 地点 Place |
| --- | --- | --- |
{ROWS}
1Days are working days; 节假日 are not counted among them.
[3]
# 差旅 Travel
出差人员应当在返回后七个工作日之内提交报销单，并附上全部原始凭证。2 住宿费按照城市的等级设定上限，超出部分须由\
部门负责人说明理由，经财务部门核准以后方可报销。
Whoever travels for the company hands in the receipts within seven working days after the return. \
Accommodation is reimbursed up to the limit that applies to the city; the superior gives reasons \
for what exceeds it.
2见《差旅费用管理办法》第三章。"""


def test_a_handbook() -> None:
    """Columns, hyphenation, a table over three pages, footnotes, heads and page numbers at once."""
    result = parse(HANDBOOK.read_bytes(), name="handbook")
    assert told(result) == TRUTH
    assert (result.pages, result.warnings) == (3, ())
