"""Words that often stand on signs, shop fronts, menus and tickets; written down for this package."""

_TEXT = """
a about above access accessories adult after age air airport aisle alarm all alley always and antiques any apartment
apple are area arena arrivals art arts at avenue baby back bag bakery ball bank bar barber bargain base bath bay beach
beauty bed beef beer before best big bike bikes bird bistro black blue board boat body book books boots born bottle
boutique bowl box boys bread break breakfast brewery bridge bright brown buffet building burger bus business but buy
by cab cafe cake camera camp can car card cards care cash casino castle caution cellar center central centre chair
change cheap check cheese chef chicken children chocolate choice church cinema city class clean clear clinic clock
close closed clothes clothing club coach coast cocktails coffee cold collection college comfort coming community
company computer construction control cool corner cosmetics country court cream credit crossing customer cut cycle
daily dance danger dark day days deal delivery deli dental dentist departures design diner dining dinner direct
discount district do doctor dog dollar door double down dr dress drink drive drug dry duty each early east easy eat
education electric elevator emergency employees end energy enjoy enter entrance entry escape event every exchange exit
express extra eye face factory fair family farm fashion fast fee feel festival film final finance fine fire first fish
fit fitness fix flight floor florist flower flowers fly food foot football for forest fresh friday friend from fruit
full fun furniture future gallery game games garage garden gas gate general gift gifts girl girls glass go gold golf
good grand great green grill grocery group guest guide gym hair half hall hand happy hard has have health heart heat
help here high hill history holiday home honey hospital hot hotel hour hours house how ice if in inc indoor info
information inn inside insurance international island it italian jazz jewelers juice just keep key kids king kitchen
lake lamp land lane large last laundry law leather left level library life lift light limited line liquor list live
loan local lock lodge london long lost lounge love low ltd luck lunch luxury machine made magazine mail main make mall
man manager map marina market mart max may meat media medical meeting member men menu metro middle milk mini mobile
modern monday money more morning motel motor mountain movie music must my nail nails national natural nature near new
news next night no north not notice now number of off offer office oil old on one only open opening or orange order
organic original our out outdoor outlet over own pack pain paint palace paper park parking party pass pasta pay people
perfect pet pharmacy phone photo piano pizza place plan plant platform play plaza please point police pool post power
premium press price print private pro product prohibited project property pub public pull push quality queen quick
quiet race radio rail ready real red rent repair reserved restaurant retail return right ring rise river road rock
roll room rose royal rule run safe safety sale salon sandwich saturday save school sea season seat second secret
security self sell service services set shoe shoes shop shopping show shut sign silver site size ski slow small smart
smile smoke smoking snack soap social soda soft sold song soup south spa space special speed spice sport sports spring
square st stadium staff stage stairs star start state station stay steak stop store storage story street strong studio
style subway sugar suites summer sun sunday super supply sushi sweet swim table tailor take tattoo tax taxi tea team
tech technology telephone test thai thank the theater theatre this thursday ticket tickets time to today together
toilet tools top total tour tower town toys track trade traffic trail train training transport travel tree truck trust
tuesday turn tv two under union unit university up us use vacation valley value vegetarian very video view villa
village vintage vip visit wait walk wall want warning watch water way we wear web wedding week welcome west what wheel
white wholesale why wild win window wine winter with women wood work workshop world yard year yellow yes yoga you
young your zone zoo
"""
SIGN_WORDS = _TEXT.split()
