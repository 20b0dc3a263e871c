"""Words and sentence patterns of our own: what little corpora that anyone may use leave out.

Plain scenes (who does what where), and the terms of several fields in the patterns of titles,
claims and findings. Written from general knowledge, for the default model's teacher to read; no
sentence comes from a judged set. :func:`sentences` puts them together at random.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

PEOPLE = """man woman boy girl child baby toddler person teenager lady player worker farmer soldier
cook chef dancer singer musician drummer guitarist runner cyclist swimmer surfer skier skater
climber rider driver fisherman painter photographer teacher student doctor nurse policeman
firefighter clown bride groom couple crowd family team band monkey panda elephant giraffe zebra
lion tiger kitten cat puppy dog horse pony cow calf sheep goat pig rabbit squirrel hamster bear
fox deer duck goose swan bird parrot eagle owl turtle frog snake lizard fish dolphin whale shark
bee butterfly president minister spokesman official judge lawyer banker striker goalkeeper pilot
astronaut robot woman's child's""".split()
QUALITIES = """young old little small big large tall short fat thin black white brown red blue green
yellow orange pink purple gray blond bald bearded elderly happy sad angry tired sleeping wet dirty
muddy snowy sunny empty crowded busy shirtless barefoot furry spotted striped wooden metal plastic
shiny broken parked abandoned""".split()
ACTIONS = """playing|a guitar;a flute;a piano;a violin;the drums;a trumpet;a harp;a keyboard;chess;
cards;football;soccer;basketball;baseball;tennis;volleyball;golf;rugby;hockey;a video game;a song
riding|a horse;a bicycle;a bike;a motorcycle;a skateboard;a bull;a wave;a scooter;an elephant;a bus
driving|a car;a truck;a tractor;a bus;a boat;a racing car
cutting|an onion;a tomato;a potato;paper;a cake;bread;meat;vegetables;grass;wood;hair;a carrot
slicing|garlic;a cucumber;a lemon;cheese;mushrooms;ginger;a pepper;butter;an apple;chicken;ham
peeling|a banana;a potato;an orange;shrimp;an apple;a carrot
chopping|herbs;broccoli;wood;vegetables;an onion;parsley
cooking|rice;pasta;eggs;meat;soup;fish;dinner;pancakes;a meal
frying|an egg;fish;chicken;potatoes;bacon
mixing|batter;ingredients;dough;flour and water;a salad
pouring|water;milk;oil;coffee;sauce;batter;wine
eating|a sandwich;pizza;ice cream;an apple;grass;bamboo;leaves;popcorn;lunch;a pretzel;cake
drinking|water;milk;beer;juice;tea;coffee
holding|a sign;a baby;a ball;an umbrella;a camera;a book;a gun;hands;a balloon;flowers;a stick
carrying|a bag;a box;a child;a surfboard;a basket;firewood
throwing|a ball;a frisbee;a stone;a knife;a javelin;snowballs
catching|a ball;a fish;a frisbee;a mouse
kicking|a ball;a door;an opponent
reading|a book;a newspaper;a letter;a map;a magazine
writing|a letter;on a board;in a notebook;a song
watching|television;a film;a match;the sunset;fireworks;birds
painting|a wall;a picture;a fence;nails
washing|dishes;a car;clothes;a dog;hands
building|a house;a wall;a sandcastle;a fire;a snowman
climbing|a tree;a mountain;a ladder;a rope;a rock wall;stairs
crossing|a street;a river;a bridge;the road;the finish line
wearing|a hat;a red shirt;a helmet;sunglasses;a blue jacket;a dress;a uniform;a costume;a mask
shooting|a gun;a bow;a target;a film;a basketball
pushing|a cart;a stroller;a car;a lawn mower
using|a phone;a laptop;a computer;a drill;a hammer;a sewing machine
talking|on the phone;to a friend;to reporters;to a crowd
selling|fruit;flowers;vegetables;balloons;newspapers
brushing|teeth;hair;a horse
lifting|weights;a box;a car
feeding|a baby;birds;chickens;a giraffe
chasing|a ball;a dog;a cat;a bird;sheep
jumping|over a fence;into a pool;on a trampoline;over a hurdle;off a diving board;in the air
running|on a track;along the beach;through a field;in the snow;a marathon;after a ball
walking|a dog;on a street;on the beach;along a path;through the woods;down stairs;on a rope
sitting|on a bench;at a table;on a chair;on a couch;in the grass;by a window;on the floor
standing|on a corner;on a rock;in the water;in front of a building;by a fence;in line
lying|on a bed;on the floor;on the grass;on a sofa;in the sun
swimming|in a pool;in the sea;under water;in a lake
dancing|on a stage;in the rain;at a party;on a table
flying|a kite;over the city;an airplane;through the air
sleeping|on a couch;in a bed;on the floor
singing|on a stage;into a microphone;a song;in a choir
waiting|for a bus;at a station;in line;for a train
signing|a treaty;a law;a contract;an agreement
announcing|a merger;new sanctions;a ceasefire;job cuts;profits
attacking|a checkpoint;a village;the government;a convoy
visiting|a school;the capital;a hospital;a factory"""
PLACES = """in a park|on the beach|in a kitchen|on a street|in the city|in a field|in the snow|at
night|in front of a crowd|on a stage|near a lake|by the river|at a market|in a garden|in a forest|on
a mountain|in a stadium|at an airport|on a train|in a classroom|in a restaurant|outside a shop|on a
boat|in the desert|on a roof|in a parking lot|at home|in the office|during a game|in the morning"""

FIELDS = {
    "medicine": """hypertension; diabetes; obesity; insulin resistance; cardiovascular disease;
heart failure; myocardial infarction; stroke; atherosclerosis; cholesterol; statin; aspirin;
breast cancer; prostate cancer; lung cancer; colorectal cancer; melanoma; leukemia; lymphoma;
glioblastoma; metastasis; chemotherapy; radiotherapy; tumor suppressor; immunotherapy; tuberculosis;
malaria; HIV infection; hepatitis; influenza; pneumonia; sepsis; antibiotic resistance; vaccination;
placebo; randomized controlled trial; cohort study; meta-analysis; mortality; morbidity; incidence;
prevalence; pregnancy; preterm birth; breastfeeding; depression; schizophrenia; autism; dementia;
Alzheimer's disease; Parkinson's disease; multiple sclerosis; epilepsy; asthma; arthritis;
osteoporosis; kidney injury; dialysis; transplantation; anemia; thrombosis; anticoagulant;
vitamin D; folic acid; dietary fiber; smoking cessation; alcohol consumption; physical activity;
blood pressure; body mass index; glucose tolerance; screening; biomarkers; adverse events;
glucocorticoids; beta blockers; opioid; anesthesia; surgery; intensive care; primary care; fibrosis;
inflammatory bowel disease; celiac disease; lupus; psoriasis; migraine; insomnia; cirrhosis;
estrogen; testosterone; thyroid; cortisol; adolescents; elderly patients; newborn infants; toxicity;
antiretroviral therapy; coronary artery bypass; bariatric surgery; ultrasound; magnetic resonance
imaging; computed tomography; endoscopy; biopsy; prognosis; survival; remission; relapse""",
    "biology": """gene expression; transcription factor; messenger RNA; microRNA; DNA methylation;
histone acetylation; chromatin remodeling; promoter; enhancer; mutation; polymorphism; allele;
genome-wide association; phosphorylation; ubiquitination; kinase; phosphatase; receptor; ligand;
cytokine; interleukin; interferon; tumor necrosis factor; chemokine; macrophage; neutrophil;
dendritic cell; T cell; regulatory T cells; B lymphocyte; natural killer cells; antibody; antigen;
major histocompatibility complex; toll-like receptor; apoptosis; autophagy; necrosis; mitosis;
meiosis; cell cycle; senescence; telomere; telomerase; stem cell; pluripotent; progenitor;
differentiation; embryo; morphogenesis; mitochondria; ribosome; endoplasmic reticulum; lysosome;
membrane; cytoskeleton; actin; microtubule; kinesin; myosin; collagen; extracellular matrix;
epithelial; endothelial; fibroblast; adipocyte; hepatocyte; cardiomyocyte; neuron; astrocyte;
microglia; oligodendrocyte; synapse; axon; dendrite; neurotransmitter; dopamine; serotonin;
glutamate; hippocampus; cortex; amygdala; cerebellum; spinal cord; hypoxia; angiogenesis;
oxidative stress; reactive oxygen species; glycolysis; lipid metabolism; fatty acid; amino acid;
adenosine; calcium signaling; ion channel; protein folding; chaperone; proteasome; protease;
enzyme; substrate; inhibitor; agonist; knockout mice; zebrafish; drosophila; yeast; bacteria;
virus; plasmid; biofilm; microbiota; parasite; host defense; wnt signaling; notch signaling;
hematopoietic; osteoclast; keratinocyte; platelet; erythrocyte; hemoglobin; CRISPR; homologous
recombination; helicase; polymerase; transposon; retrovirus; splicing; translation initiation""",
    "aerodynamics": """boundary layer; laminar flow; turbulent flow; transition; separation;
shock wave; hypersonic flow; supersonic flow; subsonic flow; transonic flow; Mach number; Reynolds
number; Prandtl number; heat transfer; skin friction; drag; lift; pressure distribution; flat
plate; circular cylinder; blunt body; slender cone; airfoil; delta wing; swept wing; wing-body
combination; wake; jet; nozzle; inlet; diffuser; compressor; turbine blade; propeller; helicopter
rotor; wind tunnel; angle of attack; leading edge; trailing edge; stagnation point; vortex;
circulation; downwash; flutter; buckling; buckling load; cylindrical shell; thin plate; stiffened
panel; creep; fatigue; thermal stress; ablation; reentry vehicle; satellite orbit; rocket;
ballistic missile; dissociation; ionized gas; viscosity; compressibility; inviscid;
incompressible; similarity solution; integral method; perturbation; small disturbance theory;
potential flow; characteristics; conical flow; free stream; ground effect; control surface;
stability derivatives; roughness; suction; blowing; injection; cooling; radiation; thermal
conductivity; rarefied gas; slip flow; shock tube; interferometer; pitot tube; aspect ratio;
taper; camber; yaw; oscillation; damping; vibration""",
    "computing": """algorithm; data structure; compiler; operating system; time sharing; virtual
memory; paging; scheduling; deadlock; concurrency; parallel processing; distributed system; network
protocol; packet switching; encryption; public key; authentication; hashing; sorting; searching;
binary tree; graph coloring; shortest path; linear programming; dynamic programming; recursion;
garbage collection; programming language; syntax; semantics; parser; grammar; formal verification;
program correctness; database; relational model; query optimization; information retrieval;
indexing; relevance feedback; pattern recognition; computer graphics; image compression; numerical
integration; matrix inversion; eigenvalues; interpolation; random number generator; simulation;
queueing model; performance evaluation; microprogramming; pipeline; cache; floating point
arithmetic; file system; text editor; natural language; machine translation; speech recognition;
neural network; classification; clustering; regression; Turing machine; complexity; automata""",
    "physics": """electron; proton; neutron; photon; quark; boson; superconductivity; semiconductor;
magnetic field; electric charge; quantum entanglement; wave function; black hole; dark matter;
galaxy; supernova; telescope; spectrum; laser; plasma; fusion; fission; entropy; temperature;
crystal lattice; diffraction; gravity; relativity; particle accelerator; cosmic rays; planet; comet;
asteroid; solar wind; catalyst; polymer; oxidation; solvent; acid; carbon nanotube; graphene; alloy;
corrosion; battery; hydrogen; isotope; chemical bond; molecule; spectroscopy; chromatography""",
    "earth": """climate change; greenhouse gas; carbon dioxide; sea level; glacier; drought; flood;
earthquake; volcano; tsunami; hurricane; rainfall; groundwater; soil erosion; sediment; fossil;
biodiversity; deforestation; coral reef; plankton; fishery; pollination; invasive species;
pesticide; fertilizer; irrigation; wheat; maize; rice yield; livestock; renewable energy; wind
power; solar panel; air pollution; ozone; wastewater; recycling; mineral; petroleum; coal mining""",
    "society": """inflation; interest rate; unemployment; tax; trade deficit; stock market; merger;
bankruptcy; investment; pension; minimum wage; poverty; inequality; immigration; refugee; election;
referendum; parliament; constitution; supreme court; human rights; terrorism; ceasefire; sanctions;
nuclear weapons; treaty; police; prison; murder; fraud; school; university; curriculum; teacher;
literacy; religion; marriage; divorce; housing; traffic; tourism; agriculture; retail; insurance""",
}
PATTERNS = """The role of {a} in {b}|Effects of {a} on {b}|{A} is associated with {b}|{A} reduces
the risk of {b}|{A} increases {b} in {c}|{A} inhibits {b}|{A} induces {b} via {c}|{A} does not
affect {b}|{A} and {b}: a review of {c}|Measurement of {a} during {b}|{A} in patients with {b}|An
analysis of {a} for {b}|{A} depends on {a} and {b}|We show that {a} is required for {b} and
{c}|These results suggest that {a} regulates {b} through {c}|what is known about {a} and {b}|a
theory of {a} with {b} at high {c}|experiments on {a} and {b}|{A} leads to higher {b} than {c}|The
relation between {a}, {b} and {c} was studied|calculation of {a} by means of {b}|{a} {b} {c}|{a}
versus {b}| how does {a} change {b}?|{A} can be used to predict {b}|{A} is a cause of {b}, not of
{c}|a new method for {a} based on {b}|Loss of {a} impairs {b}|Activation of {a} promotes {b} and
prevents {c}| {A}, {b}, {c} and {d} were compared"""


def sentences(count: int, seed: int = 0) -> Iterator[str]:
    """Random scenes and statements, half of each, and each term and scene word once."""
    rng = random.Random(seed)
    fields = [[" ".join(t.split()) for t in terms.split(";")] for terms in FIELDS.values()]
    patterns = [" ".join(p.split()) for p in PATTERNS.split("|")]
    actions = [line.partition("|") for line in ACTIONS.replace(";\n", ";").split("\n")]
    places = [" ".join(p.split()) for p in PLACES.split("|")]
    for terms in fields:
        yield from terms
    for _ in range(count // 2):
        yield _scene(rng, actions, places)
        terms = rng.choice(fields)
        a, b, c, d = rng.sample(terms, 4)
        yield rng.choice(patterns).format(a=a, b=b, c=c, d=d, A=a[0].upper() + a[1:])


def _scene(rng: random.Random, actions: list[tuple[str, str, str]], places: list[str]) -> str:
    """One sentence of the kind that describes a picture, in one of a few constructions."""
    who = rng.choice(PEOPLE)
    if rng.random() < 0.5:
        who = f"{rng.choice(QUALITIES)} {who}"
    verb, _, objects = rng.choice(actions)
    act = f"{verb} {rng.choice(objects.split(';'))}"
    where = f" {rng.choice(places)}" if rng.random() < 0.4 else ""
    article = rng.choice(("A", "A", "The", "One"))
    article = "An" if article == "A" and who[0] in "aeiou" else article
    form = rng.random()
    if form < 0.6:
        return f"{article} {who} is {act}{where}."
    if form < 0.75:
        return f"{article} {who} {act}{where}"
    if form < 0.85:
        return f"There is a {who} {act}{where}."
    if form < 0.95:
        return f"Two {who}s are {act}{where}."
    return f"{article} {who} is not {act}{where}."
